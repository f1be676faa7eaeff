"""Numbers of imported networks at their limits, by pencil: where an error of one would go unnoticed elsewhere."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from nnunet_folders import CHECKPOINT, dataset, write_folder

from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.inference.lesion_candidates import candidate_score
from PDACScreeningLib.network.dynamic_unet import _Convolution, _ResidualBlock
from PDACScreeningLib.network.nnunet_checkpoint import network_state, read_nnunet_checkpoint
from PDACScreeningLib.network.nnunet_folder import StepSource
from PDACScreeningLib.network.nnunet_import import ImportOrder, import_nnunet
from PDACScreeningLib.network.nnunet_labels import LabelWish, head_labels
from PDACScreeningLib.network.nnunet_model import CoarseStep, FoldFile, NnunetModel, NnunetStep
from PDACScreeningLib.network.nnunet_plans import _each, read_plans
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.unet_predictor import UNetPredictor
from PDACScreeningLib.volume.label_map import Label

WISH = LabelWish(("tumor",))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("nnunet") / "trained")


@pytest.fixture(scope="module")
def step(trained):
    planned = read_plans(trained, "3d_fullres", WISH)
    return NnunetStep(**vars(planned), trainer="t", mirror_axes=(), folds=(FoldFile("0", "f", *["0" * 64] * 3),))


@pytest.mark.parametrize(
    ("transpose", "xyz"),
    [((0, 1, 2), (1, 2, 3)), ((2, 1, 0), (3, 2, 1)), ((1, 0, 2), (1, 3, 2)), ((1, 2, 0), (2, 3, 1))],
)
def test_the_spacing_of_each_axis_of_the_image(step, transpose, xyz):
    """nnU-Net's spacing 3, 2, 1 is that of its own axes; transpose_forward names the image's axis (z, y, x) of each."""
    turned = replace(step, spacing_mm=(3.0, 2.0, 1.0), transpose_forward=transpose)
    assert turned.spacing_mm_xyz == xyz
    assert turned.voxel_mm3 == 6.0


def test_a_spacing_ends_below_a_meter_and_a_margin_begins_at_nothing(step):
    assert replace(step, spacing_mm=(999.9, 2.0, 0.001)).spacing_mm[0] == 999.9
    for wrong in (1000.0, 0.0):
        with pytest.raises(ValueError, match="spacing must be positive"):
            replace(step, spacing_mm=(wrong, 2.0, 1.0))
        with pytest.raises(ValueError, match="spacing must be positive"):
            CoarseStep(step, (1.0, 1.0, wrong), (0.0, 0.0, 0.0))
    assert CoarseStep(step, (999.9, 0.5, 0.5), (0.0, 0.5, 0.0)).margin_mm_xyz == (0.0, 0.5, 0.0)
    with pytest.raises(ValueError, match="margins must not be negative"):
        CoarseStep(step, None, (0.0, -0.1, 0.0))


def test_a_stage_has_at_most_four_thousand_and_ninety_six_features(step):
    wide = (*step.unet.features[:-1], 4096)
    assert replace(step.unet, features=wide).features == wide
    with pytest.raises(ValueError, match=r"features must lie in 1\.\.4096"):
        replace(step.unet, features=(*wide[:-1], 4097))


def test_a_kernel_is_odd_and_at_most_nine(step):
    kernels = (*step.unet.kernels[:-1], (1, 9, 3))
    assert replace(step.unet, kernels=kernels).kernels == kernels
    for wrong in ((1, 11, 3), (1, 2, 3)):
        with pytest.raises(ValueError, match="kernels must be odd, up to 9"):
            replace(step.unet, kernels=(*kernels[:-1], wrong))


def test_a_stride_is_at_most_four(step):
    strides = (*step.unet.strides[:-1], (1, 4, 4))
    assert replace(step.unet, strides=strides).strides == strides
    with pytest.raises(ValueError, match=r"strides must lie in 1\.\.4"):
        replace(step.unet, strides=(*strides[:-1], (1, 5, 4)))


@pytest.mark.parametrize("channels", [["CT"], {"0": "CT", "1": "CT"}, {}, None])
def test_a_network_that_sees_anything_but_one_image_is_refused(tmp_path, channels):
    folder = write_folder(tmp_path / "trained")
    labels = folder / "dataset.json"
    labels.write_text(json.dumps({**json.loads(labels.read_text()), "channel_names": channels}))
    with pytest.raises(ModelError, match="must see one image"):
        read_plans(folder, "3d_fullres", WISH)


def test_a_patch_has_at_most_the_voxels_of_a_cube_of_four_hundred(step):
    largest = tuple(2**9 // d * d for d in step.unet.divisor[:2])
    assert replace(step, patch_size=(*largest, 2**8)).patch_size[2] == 2**8
    with pytest.raises(ValueError, match="is too large"):
        replace(step, patch_size=(*largest, 2**8 + step.unet.divisor[2]))


def test_one_number_stands_for_every_stage_and_for_none():
    assert [_each(2, count) for count in (3, 1, 0, -1)] == [(2, 2, 2), (2,), (), ()]
    assert _each([1, 2.0], 5) == (1, 2)
    assert len(_each(2, 100)) == 64  # a model with so many is refused; one with a million would take memory before


def test_padding_follows_each_side_of_a_kernel_and_a_shortcut_is_a_bare_convolution(step):
    assert _Convolution(step.unet, 1, 1, (1, 3, 5)).conv.padding == (0, 1, 2)
    shortcut = _ResidualBlock(replace(step.unet, conv_bias=True), 2, 4, (3, 3, 3), (1, 2, 2)).skip
    assert [type(part).__name__ for part in shortcut] == ["AvgPool3d", "_Convolution"]
    assert shortcut[1].conv.bias is None
    assert shortcut[1]._slope is None


def test_labels_of_vessels_lie_in_one_to_255(step):
    assert replace(step.labels, anatomy=(("veins", (1, 255)),)).anatomy[0][1] == (1, 255)
    for wrong in (0, 256):
        with pytest.raises(ValueError, match=r"must lie in 1\.\.255"):
            replace(step.labels, anatomy=(("veins", (wrong,)),))


@pytest.mark.parametrize(
    ("names", "told"), [(("b.pth", "a.pth"), "name one of: a.pth, b.pth"), ((), "name one of: none")]
)
def test_a_folder_without_the_usual_checkpoints_tells_which_there_are(tmp_path, names, told):
    fold = write_folder(tmp_path / "trained") / "fold_0"
    (fold / CHECKPOINT).unlink()
    for name in names:
        (fold / name).touch()
    source = StepSource(fold.parent, WISH)
    with pytest.raises(ModelError, match=told):
        import_nnunet(ImportOrder("theirs", source, "CC0", "test"), tmp_path / "model")


def test_a_published_score_is_above_nothing_and_at_most_one(step):
    assert NnunetModel(step, "CC0", "test", {}, published_score=1.0).published_score == 1.0
    for wrong in (0.0, 1.001, 1.5):
        with pytest.raises(ValueError, match=r"published_score must lie in \(0, 1\]"):
            NnunetModel(step, "CC0", "test", {}, published_score=wrong)


def test_an_import_tells_how_far_it_is(tmp_path):
    told = []
    source = StepSource(write_folder(tmp_path / "trained", folds=("0", "1")), WISH)
    import_nnunet(ImportOrder("theirs", source, "CC0", "test"), tmp_path / "model", told.append)
    assert [(event.done, event.total) for event in told] == [(0, 1), (1, 1), (1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("reader", "flips"),
    [("SimpleITKIO", False), ("NibabelIO", False), ("NibabelIOWithReorient", True), (None, False)],
)
def test_only_one_reader_turns_the_images_round(tmp_path, reader, flips):
    folder = write_folder(tmp_path / "trained", plan={"image_reader_writer": reader} if reader else {})
    if reader is None:
        plans = json.loads((folder / "plans.json").read_text())
        plans.pop("image_reader_writer", None)
        (folder / "plans.json").write_text(json.dumps(plans))
    assert read_plans(folder, "3d_fullres", WISH).flip_in_plane is flips


def test_one_compressed_part_and_parts_that_overlap_are_refused(tmp_path):
    path = write_folder(tmp_path / "trained") / "fold_0" / CHECKPOINT
    (tmp_path / "whole.pth").write_bytes(path.read_bytes())
    with zipfile.ZipFile(tmp_path / "whole.pth") as source, zipfile.ZipFile(path, "w") as packed:
        last = source.namelist()[-1]
        for name in source.namelist():
            packed.writestr(name, source.read(name), zipfile.ZIP_DEFLATED if name == last else zipfile.ZIP_STORED)
        size = sum(entry.file_size for entry in packed.infolist())
    assert size < path.stat().st_size  # the directory of the archive takes more than this part can grow
    with pytest.raises(ModelError, match="its parts are compressed"):
        read_nnunet_checkpoint(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", bytes(100_000))
        archive.filelist = archive.filelist * 3  # three parts, all in the same bytes
        archive.NameToInfo = {str(number): entry for number, entry in enumerate(archive.filelist)}
    with pytest.raises(ModelError, match="its parts are compressed"):
        read_nnunet_checkpoint(path)


@pytest.mark.parametrize("mirror_axes", [(), (2,), (0, 1)])
def test_the_answer_is_the_mean_of_all_views(trained, step, mirror_axes):
    state = network_state(read_nnunet_checkpoint(trained / "fold_0" / CHECKPOINT).state, step.unet)
    predictor, plain = (UNetPredictor(step.unet, Runtime("cpu", "fp32"), axes) for axes in (mirror_axes, ()))
    predictor.load(state)
    plain.load(state)
    window = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 1, *step.patch_size)).astype(np.float32))
    flips = [[], *([axis] for axis in mirror_axes), *([list(mirror_axes)] if len(mirror_axes) == 2 else [])]
    views = []
    for flip in flips:
        turned = torch.flip(window, [axis + 2 for axis in flip])
        views.append(torch.flip(plain(turned), [axis + 1 for axis in flip]))
    assert len(views) == 2 ** len(mirror_axes)
    torch.testing.assert_close(predictor(window), torch.stack(views).mean(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [[], True, "2", [1, True], [None]])
def test_a_label_is_a_whole_number_or_some(value):
    with pytest.raises(ValueError, match="whole number or a list of them"):
        head_labels(dataset({"background": 0, "pancreas": 1, "tumor": value}), WISH)


def test_a_candidate_reaches_down_to_two_fifths_of_the_highest_probability_and_has_more_than_ten_voxels():
    labels = np.full((5, 5, 5), Label.PANCREAS, np.uint8)
    probability = np.full(labels.shape, 0.35, np.float32)
    probability[2, 2, 0:5] = 0.9
    assert candidate_score(probability, labels) == 0.0  # five voxels; .35 is less than .9 / 2.5
    probability[2, 1, 0:5] = 0.37
    assert candidate_score(probability, labels) == 0.0  # ten
    probability[1, 1, 0] = 0.37
    assert candidate_score(probability, labels) == pytest.approx(0.9)
    probability[:] = 0.0
    probability[2] = 0.4
    probability[2, 2, 0] = 1.0
    assert candidate_score(probability, labels) == pytest.approx(1.0)  # .4 is two fifths
    assert candidate_score(np.zeros_like(probability), labels) == 0.0
