"""What plan.md decides by and reports: tumors of 100 voxels and more ("20 mm and more") against all scans without one.

python large_tumors.py EXPERIMENT.json...: a Markdown row for each network and for all together, of each experiment.
With --min-score T a scan is called from that score on, as with `publish --rule score=T`, and not from K voxels.
"""

import argparse
import sys
from pathlib import Path

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap
from PDACScreeningLib.evaluation.estimates import Mean, Proportion
from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.evaluation.roc import area

LARGE_VOXELS = 100
COLUMNS = ("experiment", "networks", "called", "called and overlapping", "missed (DSC 0)", "not called without a tumor")
COLUMNS += ("Youden index", "AUC", "tumor DSC", "pancreas DSC")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiments", type=Path, nargs="+")
    parser.add_argument("--min-score", type=float)
    asked = parser.parse_args()
    lines = [COLUMNS, ["---"] * len(COLUMNS)]
    for path in asked.experiments:
        lines += [(path.parent.name, *cells) for cells in rows(read_experiment(path), asked.min_score)]
    for line in lines:
        sys.stdout.write(f"| {' | '.join(line)} |\n")


def rows(found, min_score=None):
    """Cells of each network and of all together, as in COLUMNS without the first."""
    rule = DecisionRule(found.setting.min_tumor_voxels, min_score)
    statistics = found.setting.statistics
    bootstrap = PatientBootstrap(statistics.bootstrap_samples, statistics.seed)
    cases = [case for case in found.cases if not 0 < case.true_tumor_voxels < LARGE_VOXELS]
    names = [name for name in cases[0].rows if name in found.setting.row_names]
    return [row(cases, name, rule, bootstrap) for name in names]


def row(cases, name, rule, bootstrap):
    large = [case.rows[name] for case in cases if case.has_tumor]
    without = [case.rows[name] for case in cases if not case.has_tumor]
    called = [one for one in large if rule.calls(one.tumor_voxels, one.score)]
    sensitivity = Proportion.of(len(called), len(large))
    specificity = Proportion.of(sum(not rule.calls(one.tumor_voxels, one.score) for one in without), len(without))
    overlapping = sum(one.overlaps for one in called)
    return (
        name,
        sensitivity.text,
        Proportion.of(overlapping, len(large)).text,
        f"{sum(one.tumor.dice == 0 for one in large)}/{len(large)}",
        specificity.text,
        f"{sensitivity.value + specificity.value - 1:.3f}",
        area(cases, name, bootstrap).text,
        Mean.of(one.tumor.dice for one in large).text,
        Mean.of(one.pancreas.dice for one in large + without).text,
    )


if __name__ == "__main__":
    main()
