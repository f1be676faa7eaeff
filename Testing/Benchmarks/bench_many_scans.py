"""Whether the 200th scan of one process costs what the 4th did: processor seconds and memory, scan by scan.

Scans are screened one after the other with one loaded model, each from its file to its report, which is deleted again.

    pdac-screening phantom-cohort --cases 20 --output cohort
    python Testing/Benchmarks/bench_many_scans.py cohort/*/ct.nii.gz --scans 200
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice
from pathlib import Path

import benchmark_page
import torch

from PDACScreeningLib.session.screener import Screener

SCRIPT = "bench_many_scans.py"
FIRST = 3  # scans after which everything is loaded


@dataclass(frozen=True)
class Cost:
    """What one scan took, and what the process holds after it."""

    processor_s: float
    memory_mib: float


def main() -> None:
    """Measure, print, and add to the page when there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="CTs; taken again from the first when they are too few")
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--model", default="demo-phantom")
    parser.add_argument("--protocol", choices=("exact", "fast"), default="fast")
    parser.add_argument("--page", type=Path, help="Markdown page to add the figures to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    about = benchmark_page.machine("cpu, one thread")
    costs = costs_of(list(islice(cycle(arguments.files), arguments.scans)), arguments.model, arguments.protocol)
    content = "\n".join([about, "", as_table(costs)])
    print(content)
    if arguments.page:
        benchmark_page.append(arguments.page, SCRIPT, date.today().isoformat(), content)


def costs_of(files: list[Path], model: str, protocol: str) -> list[Cost]:
    """One scan after the other, by one screener."""
    screener, costs = Screener(model, device="cpu"), []
    for number, file in enumerate(files, start=1):
        started = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            screener.screen(file, protocol=protocol).save(Path(folder) / "result")
        costs.append(Cost(time.process_time() - started, resident_mib()))
        print(f"{number}/{len(files)}  {costs[-1].processor_s:.1f} s  {costs[-1].memory_mib:.0f} MiB", flush=True)
    return costs


def resident_mib() -> float:
    """Memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def as_table(costs: list[Cost]) -> str:
    """The scans in four quarters behind the first ones."""
    later = costs[FIRST:]
    cuts = [len(later) * quarter // 4 for quarter in range(5)]
    rows = [
        [f"{FIRST + first + 1} to {FIRST + last}",
         f"{statistics.fmean(cost.processor_s for cost in later[first:last]):.2f}",
         f"{later[last - 1].memory_mib:.0f}"]
        for first, last in zip(cuts[:-1], cuts[1:], strict=True) if last > first
    ]  # fmt: skip
    return benchmark_page.table(
        f"{len(costs)} scans in one process", ["scans", "processor s a scan", "MiB after the last"], rows
    )


if __name__ == "__main__":
    main()
