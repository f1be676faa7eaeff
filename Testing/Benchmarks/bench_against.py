"""This checkout beside an earlier one: the coarse scan by both, in turns, and how many times faster than before.

MONAI is the earlier checkout's, which asks for no huge pages, as users of MONAI run it (ADR 0045). Processor seconds of
one thread, the least of several rounds, since other work on the machine only adds.

    git worktree add build/before COMMIT
    python Testing/Benchmarks/bench_against.py build/before
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import benchmark_page

SCRIPT = "bench_against.py"
MONAI = "MONAI, every window, eager fp32"
CODE = """
import bench_protocols
from PDACScreeningLib.network.runtime import resolve_device
runtime = resolve_device("cpu")
print(bench_protocols.trained(runtime, 1), bench_protocols.full_width(runtime, {side}, 1), sep="\\n")
"""
Seconds = dict[tuple[str, str], float]  # by title of the table and name of the row


def main() -> None:
    """Measure, print, and add to the page when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=84, help="of the cube for the network of base width 32")
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    arguments = parser.parse_args()
    rounds = [
        (measured(arguments.before, arguments.side), measured(Path(__file__).parents[2], arguments.side))
        for _ in range(arguments.rounds)
    ]
    before, now = ({row: min(one[row] for one in runs) for row in runs[0]} for runs in zip(*rounds, strict=True))
    content = "\n".join([benchmark_page.machine("cpu, one thread"), "", as_table(before, now)])
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def measured(checkout: Path, side: int) -> Seconds:
    """Processor seconds of every row of `bench_protocols`, by a checkout in a process of its own."""
    root = checkout.resolve()
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", CODE.format(side=side)],
        cwd=root / "Testing" / "Benchmarks",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return seconds_of(finished.stdout)


def seconds_of(tables: str) -> Seconds:
    """Processor seconds of every row of what `bench_protocols` prints."""
    found, title = Seconds(), ""
    for line in tables.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if line.startswith("####"):
            title = line.strip("# ")
        elif cells and cells[0] and not cells[0].startswith("---"):
            found[title, cells[0]] = float(cells[2])
    return found


def as_table(before: Seconds, now: Seconds) -> str:
    """Seconds, and the two ratios."""
    rows = [
        [
            title,
            name,
            f"{before[title, name]:.2f}",
            f"{now[title, name]:.2f}",
            f"{before[title, name] / now[title, name]:.2f}",
            f"{before[title, MONAI] / before[title, name]:.1f}",
            f"{before[title, MONAI] / now[title, name]:.1f}",
        ]
        for title, name in now
    ]
    header = ["", "", "s before", "s now", "times faster than before", "than MONAI, before", "than MONAI, now"]
    return benchmark_page.table("Coarse scan, processor seconds", header, rows)


if __name__ == "__main__":
    main()
