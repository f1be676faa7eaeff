"""A network of nnU-Net's own, trained on phantoms by a loop of this test, then imported: it finds what it learned."""

import csv
import json

import numpy as np
import pytest
import torch
from known_store import write_known_store
from nnunet_folders import architecture, configuration, dataset, plans, write_folder
from nnunet_thresholds import known_scan
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from own_predictor import own_predictor, predicted
from test_same_numbers import ours
from torch.nn.functional import cross_entropy

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.volume.label_map import Label

pytestmark = pytest.mark.timeout(1800)
LABELS = {"background": 0, "tumor": 1, "pancreas": 2}
INTENSITIES = {"mean": 60.0, "std": 80.0, "percentile_00_5": -160.0, "percentile_99_5": 240.0}
SPACING_MM, PATCH = (2.0, 2.0, 2.0), (16, 32, 32)
STEPS, SEED = 500, 1


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """A store of four bodies with a gland in their middle, two of them with a tumor in it."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_known_store(folder / "store", sides=(6, 0, 9, 0))
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
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-2)
    rng, weights = np.random.default_rng(SEED), torch.tensor([0.3, 3.0, 1.0])
    losses = []
    for step in range(STEPS):
        image, labels = cases[step % len(cases)]
        wanted = np.argwhere(labels == step % 3) if (labels == step % 3).any() else np.argwhere(labels == 2)
        center = wanted[rng.integers(len(wanted))]
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
    network = architecture(features=(4, 8), anisotropic=False)
    network["arch_kwargs"]["strides"] = [[1, 1, 1], [2, 2, 2]]
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


def test_what_it_learned_is_nnunets_own_answer(trained, model):
    ct = known_scan((7, 7, 7), seed=9)
    engine = load_engine(model, Runtime("cpu", "fp32"), EnsembleOptions(mirroring=False)).engine
    found, written, _ = ours(engine, ct.hu, ct.geometry.spacing_mm)
    labels, probability = predicted(
        own_predictor(trained, folds=("0",), mirroring=False), ct.hu, ct.geometry.spacing_mm
    )
    assert np.abs(found - probability).max() < 1e-4
    assert np.array_equal(written, labels)


@pytest.mark.parametrize("side", [0, 7])
def test_it_finds_gland_and_tumor_of_a_scan_that_it_never_saw(model, side):
    ct = known_scan((side,) * 3, seed=5)
    answer = pdac.Screener(model, device="cpu", precision="fp32", mirroring=False).screen(ct)
    gland, tumor = known_scan((0, 0, 0)).hu > 50, known_scan((side,) * 3).hu > 150
    assert dice(answer.label_map.labels > 0, gland) > 0.9
    assert answer.screening.outcome is (Outcome.SUSPICIOUS if side else Outcome.NOT_SUSPICIOUS)
    if side:
        assert dice(answer.label_map.labels == Label.TUMOR, tumor) > 0.8


def dice(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def test_it_is_evaluated_beside_another_model(model, phantoms):
    out = phantoms / "evaluation"
    typed = ["evaluate", str(phantoms / "store"), "--model", str(model), "--compare", str(model), "--output", str(out)]
    assert main([*typed, "--no-mirroring", "--device", "cpu"]) == 0
    with (out / "comparison.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["phantoms", "phantoms (2)"]
    assert float(rows[1]["auc_difference"]) == 0
