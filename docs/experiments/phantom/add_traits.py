"""Traits of phantoms for a store and readings that were made before `prepare` kept them.

python add_traits.py COHORT STORE EVALUATION: contrast and confounders, as `prepare` tells them today of COHORT, are
written into STORE's index and into the readings in EVALUATION/cases. No voxel and no figure of a reading is touched.
"""

import argparse
import json
from pathlib import Path

from PDACScreeningLib.datasets.phantom_cohort import phantom_cohort


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cohort", "store", "evaluation"):
        parser.add_argument(name, type=Path)
    asked = parser.parse_args()
    traits = {case.case_id: list(case.traits) for case in phantom_cohort(asked.cohort).cases}

    index_path = asked.store / "store.json"
    index = json.loads(index_path.read_text(encoding="utf-8"))
    for case in index["cases"]:
        case["traits"] = traits[case["case_id"]]
    index_path.write_text(json.dumps(index), encoding="utf-8")

    for path in sorted((asked.evaluation / "cases").glob("*.json")):
        reading = json.loads(path.read_text(encoding="utf-8"))
        reading["result"]["traits"] = traits[reading["result"]["case_id"]]
        path.write_text(json.dumps(reading), encoding="utf-8")


if __name__ == "__main__":
    main()
