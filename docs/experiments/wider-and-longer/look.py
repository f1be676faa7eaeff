"""Tumor DSC by contrast of one network alone: python look.py COHORT STORE CHECKPOINT|MODEL --patch-size N

Prints one line a case (CSV), then means by contrast, sensitivity and specificity. Whole scans for 64^3, the true ROI
for the others, windows of the fast protocol: what a training with --validation-scans measures, case by case.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from PDACScreeningLib.network.checkpoint import load_checkpoint
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.runtime import resolve_device
from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.scan_validation import segmented_scan

LOW_CONTRAST_HU = 32
LARGE_VOXELS = 100


def network_of(path, patch_size, weights):
    """The network and its screening configuration, of a checkpoint file or a model folder."""
    if path.is_dir():
        model = load_model(path)
        return model.networks[patch_size], model.config
    checkpoint = load_checkpoint(path)
    scale = next(scale for scale in checkpoint.config.screening.scales if scale.patch_size == checkpoint.patch_size)
    network = SegmentationNetwork(scale, checkpoint.config.screening.network)
    network.load_state_dict(checkpoint.state_for_use if weights == "average" else checkpoint.network_state)
    return network.eval(), checkpoint.config.screening


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("network", type=Path)
    parser.add_argument("--patch-size", type=int, required=True)
    parser.add_argument("--weights", choices=("average", "last"), default="average")
    parser.add_argument("--cases", type=int, default=10_000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    network, config = network_of(asked.network, asked.patch_size, asked.weights)
    scale = next(scale for scale in config.scales if scale.patch_size == asked.patch_size)
    predictor = WindowPredictor(network, resolve_device("cpu"))
    listed = json.loads((asked.cohort / "cohort.json").read_text(encoding="utf-8"))["cases"]
    facts = {case["id"]: case["facts"] for case in listed}
    lines = csv.writer(sys.stdout)
    lines.writerow(("case", "contrast_hu", "true_voxels", "tumor_voxels", "dice"))
    rows = []
    for case in CaseStore(asked.store).cases[: asked.cases]:
        labels, truth = segmented_scan(case, predictor, scale, config)
        both = np.count_nonzero((labels == 2) & (truth == 2))
        found, true = int(np.count_nonzero(labels == 2)), case.facts.tumor_voxels
        dice = 2 * both / (found + true) if true else None
        contrast = facts[case.facts.case_id.split("/")[-1]]["tumor_hu_below_gland"]
        rows.append((case.facts.case_id, contrast, true, found, dice))
        lines.writerow(rows[-1])
    k = config.decision.min_tumor_voxels
    tumors, normals = [row for row in rows if row[2]], [row for row in rows if not row[2]]
    for name, part in (
        ("all", tumors),
        ("< 32 HU", [row for row in tumors if row[1] < LOW_CONTRAST_HU]),
        (">= 32 HU", [row for row in tumors if row[1] >= LOW_CONTRAST_HU]),
        ("20 mm and more", [row for row in tumors if row[2] >= LARGE_VOXELS]),
    ):
        if part:
            called = sum(row[3] >= k for row in part)
            overlapping = sum(row[3] >= k and row[4] >= 0.1 for row in part)
            dice = mean(row[4] for row in part)
            sys.stdout.write(f"# {name}: DSC {dice:.3f}, called {called}, overlapping {overlapping} of {len(part)}\n")
    sys.stdout.write(f"# normals not called: {sum(row[3] < k for row in normals)} of {len(normals)}\n")


if __name__ == "__main__":
    main()
