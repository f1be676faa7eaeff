"""What `screen` would have said of the scans of an evaluation: a scan that is not called may be "not assessable".

python outcomes.py COHORT STORE EVALUATION MODEL prints a Markdown row for scans with and one for scans without a tumor.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.evaluation.experiment import read_experiment
from PDACScreeningLib.evaluation.reading_file import read_labels
from PDACScreeningLib.inference import screening
from PDACScreeningLib.inference.assessment import doubts, reaches_border
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training_range import UNLIKE, scan_traits
from PDACScreeningLib.volume.label_map import Label


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("cohort", "store", "evaluation", "model"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    engine = load_engine(asked.model, resolve_device("cpu")).engine
    listed = json.loads((asked.cohort / "cohort.json").read_text(encoding="utf-8"))["cases"]
    spacing_mm = {case["id"]: case["spacing_mm"] for case in listed}
    stored = {case.facts.case_id: case for case in CaseStore(asked.store).cases}
    counts, reasons = {True: Counter(), False: Counter()}, Counter()
    for case in read_experiment(asked.evaluation / "experiment.json").cases:
        ct = stored[case.case_id].ct
        protocol = screening._protocol("exact", ct.geometry, engine.config, engine)
        labels = read_labels(asked.evaluation / "cases", case.case_id)
        row, unfiltered = case.rows["Multi"], case.rows["Multi, no component filter"]
        against = doubts(
            protocol,
            pancreas_voxels=int((labels == Label.PANCREAS).sum()),
            tumor_voxels=row.tumor_voxels,
            removed_tumor_voxels=unfiltered.tumor_voxels - row.tumor_voxels,
            reaches_border=reaches_border(labels, ct.hu),
            unlike_training=protocol.training_range.unlike(scan_traits(labels, ct.hu, spacing_mm[case.case_id])),
        )
        is_called = protocol.decision.calls(row.tumor_voxels, row.score)
        outcome = "suspicious" if is_called else "not assessable" if against else "not suspicious"
        counts[case.has_tumor][outcome] += 1
        counts[case.has_tumor]["unlike"] += any(UNLIKE in doubt for doubt in against)
        if outcome == "not assessable":
            reasons[re.sub(r"[\d.]+", "n", against[0].partition(":")[0])] += 1
    sys.stdout.write("| scans | suspicious | not suspicious | not assessable | told as unlike the training |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- |\n")
    for has_tumor, found in counts.items():
        kinds = ("suspicious", "not suspicious", "not assessable", "unlike")
        cells = " | ".join(str(found[kind]) for kind in kinds)
        sys.stdout.write(f"| {'with' if has_tumor else 'without'} a tumor | {cells} |\n")
    for reason, count in reasons.most_common():
        sys.stdout.write(f"# not assessable, {count}: {reason}\n")


if __name__ == "__main__":
    main()
