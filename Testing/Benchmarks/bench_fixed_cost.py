"""Where the time of one small scan goes: processor seconds of every part but the arithmetic of the networks.

One scan with the demo model, from the start of Python to the last file, in a process of its own each time; the best of
several, since other work on the machine only adds. What a warm child (the panel's, the node's) does not pay again is
told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

SCRIPT = "bench_fixed_cost.py"
START = "start of Python, imports"
ONCE = (START, "model")
NETWORKS = "networks"


def main() -> None:
    """Measure, print, and add to the page when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path, help="a CT that the demo model sees a pancreas on, such as a phantom's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    parser.add_argument("--against", type=Path, help="another checkout, measured in turns with this one")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)  # the process that is measured
    arguments = parser.parse_args()
    if arguments.once:
        sys.stdout.write("\n" + json.dumps(parts_of(arguments.scan)))
        return
    import benchmark_page

    checkouts = {"now": Path(__file__).parents[2]} | ({"before": arguments.against} if arguments.against else {})
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(arguments.rounds):
        for name, checkout in checkouts.items():
            measured[name].append(in_own_process(arguments.scan, checkout))
    best = {name: {part: min(one[part] for one in rounds) for part in rounds[0]} for name, rounds in measured.items()}
    content = "\n".join([benchmark_page.machine("cpu, one thread"), "", as_table(best)])
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def in_own_process(scan: Path, checkout: Path) -> dict[str, float]:
    """Processor seconds of every part, in a new process that imports a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(scan), "--once"]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return found


def parts_of(scan: Path) -> dict[str, float]:
    """In this process. A part is what the hook of the progress calls a stage, and what lies before the first one."""
    import time
    from contextlib import nullcontext

    from PDACScreeningLib.progress import Progress
    from PDACScreeningLib.session.answer import write_answer
    from PDACScreeningLib.session.record import new_record
    from PDACScreeningLib.session.screener import ScanRequest, Screener

    spent: dict[str, float] = {}
    clock = {"part": START, "since": 0.0}

    def enter(part: str) -> None:
        now = time.process_time()
        spent[clock["part"]] = spent.get(clock["part"], 0.0) + now - clock["since"]  # type: ignore[operator,index]
        clock.update(part=part, since=now)

    def hook(progress: Progress) -> None:
        scans = "scan (" in progress.stage and progress.done < progress.total
        after = "other steps of the screening"
        enter(
            f"writing, step {progress.done + 1}"
            if progress.stage == "writing"
            else NETWORKS
            if scans
            else after
            if "scan (" in progress.stage
            else progress.stage
        )

    import torch  # noqa: F401  # as the model does

    enter("model")
    screener = Screener("demo-phantom", device="cpu")
    screener.model.loaded()
    enter("reading and checking")
    answer = screener.run(ScanRequest(str(scan), "fast"), new_record(""), hook)
    enter("between")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        result.mkdir()
        write_answer(answer, result, shield=nullcontext, on_progress=hook)
    enter("end")
    return spent


def as_table(best: dict[str, dict[str, float]]) -> str:
    """Parts in their order; sums without the networks, with the start and as a warm child has it."""
    import benchmark_page

    names = sorted(best)  # "before" comes before "now"
    parts = list(dict.fromkeys(part for name in names for part in best[name]))
    rows = [[part, *(f"{best[name].get(part, 0):.2f}" for name in names)] for part in parts]
    fixed = {name: sum(s for part, s in best[name].items() if part != NETWORKS) for name in names}
    warm = {name: fixed[name] - sum(best[name].get(part, 0) for part in ONCE) for name in names}
    rows += [
        ["**all but the networks**", *(f"{fixed[name]:.2f}" for name in names)],
        ["**the same in a warm child**", *(f"{warm[name]:.2f}" for name in names)],
    ]
    return benchmark_page.table("One scan, demo model, fast: processor seconds", ["part", *names], rows)


if __name__ == "__main__":
    main()
