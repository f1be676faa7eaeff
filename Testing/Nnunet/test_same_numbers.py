"""nnU-Net's own predictor is the truth: probabilities to 1e-4 and every label, for every kind of folder."""

import numpy as np
import pytest
import SimpleITK as sitk
from nnunet_folders import (
    PLAIN_LABELS,
    REGION_LABELS,
    REGION_WISH,
    WISH,
    architecture,
    configuration,
    older_architecture,
    write_folder,
)
from nnunet_thresholds import known_scan
from own_predictor import own_predictor, predicted
from panorama_facts import LABELS, write_panorama
from scipy import ndimage

from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions
from PDACScreeningLib.engines.nnunet_step import answer_of, prepare, probabilities, written_labels
from PDACScreeningLib.network.nnunet_folder import StepSource
from PDACScreeningLib.network.nnunet_import import ImportOrder, import_nnunet
from PDACScreeningLib.network.nnunet_labels import LabelWish
from PDACScreeningLib.network.nnunet_recipes import RECIPES
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

CPU = Runtime("cpu", "fp32")
FIVE = ("0", "1", "2", "3", "4")
TURNED = {"transpose_forward": [1, 0, 2], "transpose_backward": [1, 0, 2]}


def volume(shape=(20, 40, 50), seed=0):
    """Smooth noise of the contrasts of a CT."""
    noise = np.random.default_rng(seed).normal(0, 1, shape)
    return np.round(ndimage.gaussian_filter(noise, 1.5) * 1500).astype(np.int16)


def engine_of(trained, wish, model, **options):
    import_nnunet(ImportOrder("theirs", StepSource(trained, wish), "CC0", "this test"), model)
    return load_engine(model, CPU, EnsembleOptions(**options)).engine


def ours(engine, hu, spacing_mm):
    """(outputs, z, y, x) probabilities and nnU-Net's labels (z, y, x) of the whole volume, and our answer."""
    run = engine.fine_run(CPU)
    step, image = run.step, prepare(hu.astype(np.float32), spacing_mm, run.step)
    logits = run.mean_logits(image, "all", ignore_progress)
    shape = [hu.shape[axis] for axis in step.transpose_forward]
    found = np.zeros((step.unet.outputs, *shape), np.float32)
    written = np.zeros(shape, np.uint8)
    if not step.labels.regions:
        found[0] = 1
    for slab, part in probabilities(logits, image, step):
        found[(slice(None), *image.inner.slices)][:, slab] = part.numpy()
        written[image.inner.slices][slab] = written_labels(part, step.labels)
    back = np.argsort(step.transpose_forward)
    return (
        found.transpose(0, *(back + 1)),
        written.transpose(back),
        answer_of(logits, image, step),
    )


@pytest.mark.parametrize(
    ("config", "labels", "wish", "folds", "spacing_mm", "mirroring", "plan"),
    [
        (configuration(architecture()), PLAIN_LABELS, WISH, ("0",), (2.0, 1.5, 3.0), True, {}),
        (configuration(architecture()), PLAIN_LABELS, WISH, FIVE, (0.8, 0.7, 1.0), False, {}),
        (configuration(architecture()), REGION_LABELS, REGION_WISH, ("all",), (1.0, 1.0, 5.0), True, {}),
        (
            configuration(architecture("ResidualEncoderUNet")),
            *(PLAIN_LABELS, WISH, ("0", "1"), (1.0, 1.0, 5.0), True, {}),
        ),
        (configuration(older_architecture()), PLAIN_LABELS, WISH, ("0",), (2.0, 2.0, 3.0), True, {}),
        (
            configuration(architecture(), spacing=(9.0, 2.0, 2.0)),
            *(PLAIN_LABELS, WISH, ("0",), (2.0, 7.0, 2.5), True, TURNED),
        ),
        (
            configuration(architecture(), patch=(32, 64, 64)),
            *(PLAIN_LABELS, WISH, ("0",), (2.0, 2.0, 3.0), False, {}),
        ),
    ],
    ids=["plain", "five folds", "regions", "residual encoder", "plans of 2023", "turned axes", "smaller than a patch"],
)
def test_probabilities_and_labels_are_nnunets(
    tmp_path, config, labels, wish, folds, spacing_mm, mirroring, plan, capsys
):
    trained = write_folder(tmp_path / "trained", config, labels=labels, folds=folds, plan=plan)
    hu = volume()
    engine = engine_of(trained, wish, tmp_path / "model", mirroring=mirroring)
    found, written, answer = ours(engine, hu, spacing_mm)
    their_labels, their_probabilities = predicted(
        own_predictor(trained, folds=folds, mirroring=mirroring), hu, spacing_mm
    )
    assert np.abs(found - their_probabilities).max() < 1e-4
    assert np.array_equal(written, their_labels)
    assert len(np.unique(their_labels)) > 1
    meaning = engine.model.fine.labels
    assert np.array_equal(answer.labels == Label.TUMOR, np.isin(their_labels, meaning.tumor_values))
    in_pancreas = np.isin(their_labels, meaning.pancreas_values) & ~np.isin(their_labels, meaning.tumor_values)
    assert np.array_equal(answer.labels == Label.PANCREAS, in_pancreas)
    assert np.abs(answer.tumor_probability - their_probabilities[meaning.tumor_heads[0]]).max() < 1e-4


def test_zeros_around_the_image_are_cropped_as_nnunet_does(tmp_path):
    hu = volume()
    hu[:4], hu[:, 30:], hu[:, :, :7] = 0, 0, 0
    trained = write_folder(tmp_path / "trained")
    found, written, _ = ours(engine_of(trained, WISH, tmp_path / "model"), hu, (2.0, 1.5, 3.0))
    theirs, probability = predicted(own_predictor(trained, folds=("0",), mirroring=True), hu, (2.0, 1.5, 3.0))
    assert np.abs(found - probability).max() < 1e-4
    assert np.array_equal(written, theirs)


def test_two_steps_are_what_their_authors_do_by_hand(tmp_path):
    """The PANORAMA baseline's own steps, written out: B-spline to 4.5 x 4.5 x 9 mm, box, margins, second network."""
    results = write_panorama(tmp_path, features=(4,) * 6, coarse_features=4)
    coarse, fine = (next(results.glob(f"{name}*/*")) for name in ("Dataset103", "Dataset104"))
    recipe = RECIPES["panorama-baseline"]
    order = ImportOrder(
        "both",
        StepSource(fine, recipe.labels, recipe.checkpoint),
        "CC0",
        "this test",
        coarse=StepSource(coarse, LabelWish(), recipe.coarse_checkpoint),
        coarse_spacing_mm_xyz=recipe.coarse_spacing_mm_xyz,
        margin_mm_xyz=recipe.margin_mm_xyz,
    )
    import_nnunet(order, tmp_path / "model")
    engine = load_engine(tmp_path / "model", CPU, EnsembleOptions(mirroring=False)).engine
    ct = CTVolume(volume((24, 60, 64), seed=3), Geometry((24, 60, 64), (3.0, 3.2, 5.0)))
    found = engine.segment(ct, ignore_progress, protocol="exact")

    mask, coarse_mm = _first_step_by_hand(ct, coarse)
    box = _crop_by_hand(mask, coarse_mm, ct)
    cropped = ct.hu[box]
    labels, probability = predicted(
        own_predictor(fine, folds=("0",), mirroring=False, checkpoint=recipe.checkpoint),
        cropped,
        ct.geometry.spacing_mm,
    )
    assert found.roi.slices == box
    assert np.abs(found.tumor_probability - probability[LABELS["tumor"]]).max() < 1e-4
    ours_by_hand = np.where(labels == 1, 2, np.where(np.isin(labels, (4, 5)), 1, 0))
    assert np.array_equal(found.unfiltered_labels, ours_by_hand)


def _first_step_by_hand(ct, coarse):
    image = sitk.GetImageFromArray(ct.hu.astype(np.float32))
    image.SetSpacing(ct.geometry.spacing_mm)
    resample = sitk.ResampleImageFilter()
    resample.SetOutputSpacing((4.5, 4.5, 9.0))
    sizes = zip(image.GetSize(), image.GetSpacing(), (4.5, 4.5, 9.0), strict=True)
    resample.SetSize([int(np.round(size * (mm / new))) for size, mm, new in sizes])
    resample.SetOutputDirection(image.GetDirection())
    resample.SetOutputOrigin(image.GetOrigin())
    resample.SetTransform(sitk.Transform())
    resample.SetDefaultPixelValue(image.GetPixelIDValue())
    resample.SetInterpolator(sitk.sitkBSpline)
    small = resample.Execute(image)
    mask, _ = predicted(
        own_predictor(coarse, folds=("0",), mirroring=False), sitk.GetArrayFromImage(small), (4.5, 4.5, 9.0)
    )
    assert mask.any()
    made = sitk.GetImageFromArray(mask.astype(np.uint8))
    made.CopyInformation(small)
    return made, image


def _crop_by_hand(mask, image, ct):
    where = np.nonzero(sitk.GetArrayFromImage(mask))
    low, high = ([int(edge(axis)) for axis in where[::-1]] for edge in (np.min, np.max))
    start, finish = (
        image.TransformPhysicalPointToIndex(mask.TransformIndexToPhysicalPoint(corner)) for corner in (low, high)
    )
    margin = [int(mm / spacing) for mm, spacing in zip((100, 50, 15), image.GetSpacing(), strict=True)]
    bounds = [
        slice(max(0, a - m), min(size, b + m))
        for a, b, m, size in zip(start, finish, margin, image.GetSize(), strict=True)
    ]
    return tuple(bounds[::-1])


def test_a_screening_has_the_labels_of_nnunet_but_for_the_component_rule(tmp_path):
    """From the file's voxels to the label map of the result: nothing is resampled twice."""
    import PDACScreeningLib as pdac

    trained = write_folder(tmp_path / "trained")
    import_nnunet(ImportOrder("theirs", StepSource(trained, WISH), "CC0", "this test"), tmp_path / "model")
    ct = known_scan()
    answer = pdac.Screener(tmp_path / "model", device="cpu", precision="fp32").screen(ct)
    labels, probability = predicted(own_predictor(trained, folds=("0",), mirroring=True), ct.hu, ct.geometry.spacing_mm)
    assert np.abs(answer.tumor_probability - probability[1]).max() < 1e-4
    kept = answer.label_map.labels > 0
    theirs = np.where(labels == 1, 2, np.where(np.isin(labels, (3, 4)), 1, 0))
    assert np.array_equal(answer.label_map.labels[kept], theirs[kept])
