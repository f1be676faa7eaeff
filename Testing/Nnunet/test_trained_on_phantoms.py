"""A network of nnU-Net's own, trained for a minute on phantoms by a loop of this test, then imported and measured."""

import csv
import json

import numpy as np
import pytest
import torch
from nnunet_folders import architecture, configuration, dataset, plans, write_folder
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from own_predictor import own_predictor, predicted
from test_same_numbers import ours
from torch.nn.functional import cross_entropy

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.scan_files.image_io import read_volume

pytestmark = pytest.mark.timeout(1800)
LABELS = {"background": 0, "tumor": 1, "pancreas": 2}
INTENSITIES = {"mean": 60.0, "std": 80.0, "percentile_00_5": -160.0, "percentile_99_5": 240.0}
SPACING_MM, PATCH = (4.0, 4.0, 4.0), (32, 48, 48)
STEPS, SEED = 80, 1


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Four phantoms, half of them with a tumor, and their store."""
    folder = tmp_path_factory.mktemp("phantoms")
    cohort = ["phantom-cohort", "--cases", "4", "--pdac-fraction", "0.5", "--seed", "5", "--output", str(folder / "c")]
    assert main([*cohort, "--shape", "64", "64", "56", "--spacing", "5", "5", "5"]) == 0
    store = ["prepare", str(folder / "c"), "--working-spacing-mm", "4", "--output", str(folder / "store")]
    assert main(store) == 0
    return folder


def trained_weights(config, cases):
    """Weights of nnU-Net's own network after some steps of gradient descent on patches around the gland."""
    network = config["architecture"]
    torch.manual_seed(SEED)
    unet = get_network_from_plans(
        network["network_class_name"],
        network["arch_kwargs"],
        network["_kw_requires_import"],
        1,
        len(LABELS),
        allow_init=True,
        deep_supervision=False,
    )
    optimizer = torch.optim.AdamW(unet.parameters(), lr=6e-3)
    rng, weights = np.random.default_rng(SEED), torch.tensor([0.15, 3.0, 2.0])
    losses = []
    for step in range(STEPS):
        image, labels = cases[step % len(cases)]
        gland = np.argwhere(labels > 0)
        center = gland[rng.integers(len(gland))]
        low = [
            int(np.clip(c - side // 2, 0, length - side))
            for c, side, length in zip(center, PATCH, image.shape, strict=True)
        ]
        part = tuple(slice(start, start + side) for start, side in zip(low, PATCH, strict=True))
        seen = torch.from_numpy(image[part].copy())[None, None]
        loss = cross_entropy(unet(seen), torch.from_numpy(labels[part].astype(np.int64))[None], weight=weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-20:]) < 0.8 * np.mean(losses[:5])  # it learns
    return unet.state_dict()


def normalized_cases(folder):
    from PDACScreeningLib.training.case_store import CaseStore

    theirs = np.array([0, 2, 1], np.uint8)  # of ours
    for case in CaseStore(folder / "store").cases:
        hu = np.clip(case.ct.hu.astype(np.float32), INTENSITIES["percentile_00_5"], INTENSITIES["percentile_99_5"])
        yield (hu - INTENSITIES["mean"]) / INTENSITIES["std"], theirs[case.labels]


@pytest.fixture(scope="module")
def trained(phantoms):
    network = architecture(features=(4, 8, 16), anisotropic=False)
    network["arch_kwargs"]["strides"] = [[1, 1, 1], [2, 2, 2], [2, 2, 2]]
    config = configuration(network, patch=PATCH, spacing=SPACING_MM)
    state = trained_weights(config, list(normalized_cases(phantoms)))
    folder = phantoms / "trained"
    folder.mkdir()
    (folder / "plans.json").write_text(json.dumps(plans(config)))
    (folder / "dataset.json").write_text(json.dumps(dataset(LABELS)))
    plan = {"foreground_intensity_properties_per_channel": {"0": INTENSITIES}}
    return write_folder(folder, config, labels=LABELS, state=state, plan=plan, mirror_axes=None)


@pytest.fixture(scope="module")
def model(trained, phantoms):
    typed = ["import-model", str(trained), "--name", "phantoms", "--labels", "tumor=tumor", "pancreas=pancreas"]
    typed += ["--output", str(phantoms / "model"), "--license-text", "CC0", "--source", "this test"]
    assert main([*typed, "--trained-on", "four phantoms"]) == 0
    return phantoms / "model"


def test_what_it_learned_is_nnunets_own_answer(trained, model, phantoms):
    hu, geometry = read_volume(next(path for path in sorted((phantoms / "c").glob("*/ct.nii.gz"))))
    engine = load_engine(model, Runtime("cpu", "fp32"), EnsembleOptions(mirroring=False)).engine
    found, written, _ = ours(engine, hu, geometry.spacing_mm)
    labels, probability = predicted(own_predictor(trained, folds=("0",), mirroring=False), hu, geometry.spacing_mm)
    assert np.abs(found - probability).max() < 1e-4
    assert np.array_equal(written, labels)
    assert np.ptp(probability[1]) > 0.01  # it says something of the scan


def test_it_is_evaluated_beside_another_model(model, phantoms):
    out = phantoms / "evaluation"
    typed = ["evaluate", str(phantoms / "store"), "--model", str(model), "--compare", str(model), "--output", str(out)]
    assert main([*typed, "--no-mirroring", "--device", "cpu"]) == 0
    with (out / "comparison.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["phantoms", "phantoms (2)"]
    assert float(rows[1]["auc_difference"]) == 0
