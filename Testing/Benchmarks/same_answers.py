"""Whether two versions answer alike to the last bit: digests of labels, probabilities and evidence, scan by scan.

Run it with each version on PYTHONPATH, then compare the two files:

    PYTHONPATH=build/before python Testing/Benchmarks/same_answers.py before.json cohort/*/ct.nii.gz
    PYTHONPATH=. python Testing/Benchmarks/same_answers.py now.json cohort/*/ct.nii.gz
    python Testing/Benchmarks/same_answers.py now.json --against before.json

Every scan is screened with the demo model in bf16 and fp32, `exact` and `fast`. What is in the file is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from PDACScreeningLib.session.screener import Screener

FIELDS = ("outcome", "rule_call", "score", "tumor_voxels", "pancreas_voxels", "removed_tumor_voxels")


def main() -> int:
    """Digests into a file; with --against the number of answers that differ, as exit code 1 when there are some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("digests", type=Path, help="JSON, is gone on with")
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--against", type=Path, help="digests of another version")
    arguments = parser.parse_args()
    if arguments.against is not None:
        return compare(
            *(json.loads(path.read_text(encoding="utf-8")) for path in (arguments.against, arguments.digests))
        )
    if missing := [scan for scan in arguments.scans if not scan.exists()]:
        parser.error(f"there is no {missing[0]}")
    torch.set_num_threads(1)
    known = json.loads(arguments.digests.read_text(encoding="utf-8")) if arguments.digests.exists() else {}
    screeners = {
        precision: Screener("demo-phantom", device="cpu", precision=precision) for precision in ("bf16", "fp32")
    }
    for scan, precision, protocol in product(arguments.scans, screeners, ("exact", "fast")):
        key = f"{scan.parent.name}/{scan.name} {precision} {protocol}"
        if key not in known:
            known[key] = digests(screeners[precision].screen(scan, protocol=protocol))
            arguments.digests.write_text(json.dumps(known, indent=1), encoding="utf-8")
            print(key, flush=True)
    return 0


def digests(answer: Any) -> dict[str, Any]:
    """What must not change of an answer, whichever version gave it."""
    screening, networks, labels = answer.screening, answer.network_labels, answer.label_map
    told = {name: str(getattr(screening, name)) for name in FIELDS}
    evidence = [(scale.title, scale.pancreas_voxels, scale.tumor_voxels, scale.mean_tumor_probability)
                for scale in screening.scales]  # fmt: skip
    return told | {
        "evidence": repr(evidence),
        "labels": None if labels is None else digest(labels.labels),
        "probability": None if answer.tumor_probability is None else digest(answer.tumor_probability),
        "networks": None if networks is None else digest(networks.packed),
    }


def digest(array: Any) -> str:
    """Of the bytes and the shape. array: or a part of a volume that gives the whole array."""
    whole = np.ascontiguousarray(array.whole() if hasattr(array, "whole") else array)
    return f"{hashlib.sha256(whole.tobytes()).hexdigest()[:16]} {whole.dtype} {whole.shape}"


def compare(before: dict[str, Any], now: dict[str, Any]) -> int:
    """Tell what differs; 0 when nothing does and both have the same answers."""
    differing = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    scans = len({key.split(" ")[0] for key in now})
    sys.stdout.writelines(f"{key} differs\n" for key in differing)
    print(f"{len(now)} answers of {scans} scans, {len(differing)} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
