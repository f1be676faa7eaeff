"""Two evaluations of the same cases, paired case by case: `compare.py EXACT FAST PAIRED`.

EXACT and FAST are each an experiment.json. Prints a table of the README beside this file, writes the CSV file PAIRED.
95 % intervals: Student's t of the differences.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

ROWS = ("64^3", "32^3", "16^3", "Multi")
Row = dict[str, Any]


def main(exact_file: Path, fast_file: Path, paired_file: Path) -> None:
    """Compare and write."""
    exact, fast = (json.loads(path.read_text(encoding="utf-8")) for path in (exact_file, fast_file))
    threshold = exact["min_tumor_voxels"] if "min_tumor_voxels" in exact else exact["setting"]["min_tumor_voxels"]
    others = {case["case_id"]: case for case in fast["cases"]}
    pairs = [(case, others[case["case_id"]]) for case in exact["cases"]]
    header = [
        "row",
        "foreground DSC, fast - exact",
        "tumor DSC, fast - exact",
        "tumors called",
        "false alarms",
        "calls",
    ]
    for cells in (header, ["---"] * len(header), *([row, *summary(pairs, row, threshold)] for row in ROWS)):
        sys.stdout.write("| " + " | ".join(cells) + " |\n")
    write(pairs, paired_file)


def summary(pairs: list[tuple[Row, Row]], row: str, threshold: int) -> list[str]:
    """Cells of one row: differences with their intervals, and what the calls were."""
    with_tumor = [pair for pair in pairs if pair[0]["true_tumor_voxels"] > 0]
    calls = [
        (case["true_tumor_voxels"] > 0, *(one["rows"][row]["tumor_voxels"] >= threshold for one in (case, other)))
        for case, other in pairs
    ]
    worse = sum(exact == truth != fast for truth, exact, fast in calls)
    better = sum(fast == truth != exact for truth, exact, fast in calls)
    found, alarms = (
        [sum(call[place] for call in calls if call[0] is side) for place in (1, 2)] for side in (True, False)
    )
    return [
        interval([coefficient(b, row, "pancreas") - coefficient(a, row, "pancreas") for a, b in pairs]),
        interval([coefficient(b, row, "tumor") - coefficient(a, row, "tumor") for a, b in with_tumor]),
        f"{found[0]} -> {found[1]} of {len(with_tumor)}",
        f"{alarms[0]} -> {alarms[1]} of {len(pairs) - len(with_tumor)}",
        f"{worse} worse, {better} better",
    ]


def coefficient(case: Row, row: str, structure: str) -> float:
    """DSC of a row, in either format of experiment.json."""
    values = case["rows"][row]
    return float(values[structure]["dice"] if structure in values else values[f"{structure}_dice"])


def interval(differences: list[float]) -> str:
    """Mean with its 95 % interval."""
    mean, error = float(np.mean(differences)), float(stats.sem(differences))
    low, high = stats.t.interval(0.95, len(differences) - 1, mean, error)
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def write(pairs: list[tuple[Row, Row]], path: Path) -> None:
    """One line a case, of the networks together."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["case", "true tumor voxels"]
            + [
                f"{name} {what}"
                for what in ("foreground DSC", "tumor DSC", "tumor voxels")
                for name in ("exact", "fast")
            ]
        )
        for case, other in pairs:
            has_tumor = case["true_tumor_voxels"] > 0
            cells = [f"{coefficient(one, 'Multi', 'pancreas'):.4f}" for one in (case, other)]
            cells += [f"{coefficient(one, 'Multi', 'tumor'):.4f}" if has_tumor else "" for one in (case, other)]
            cells += [one["rows"]["Multi"]["tumor_voxels"] for one in (case, other)]
            writer.writerow([case["case_id"], case["true_tumor_voxels"], *cells])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
