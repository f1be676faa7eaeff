"""An imported nnU-Net behind the chain: the same gate, rule, score, findings and files as for the paper's networks."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from nnunet_folders import WISH as NAMES
from nnunet_folders import write_folder
from nnunet_thresholds import import_thresholds, known_scan
from report_guided_annotation import extract_lesion_candidates
from scipy import ndimage

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.engines.loading import load_engine
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions, LogitSum
from PDACScreeningLib.engines.nnunet_resampling import shape_at
from PDACScreeningLib.engines.nnunet_step import answer_of, prepare
from PDACScreeningLib.engines.nnunet_windows import window_starts
from PDACScreeningLib.errors import Cancelled, UsageError
from PDACScreeningLib.inference.lesion_candidates import candidate_score
from PDACScreeningLib.inference.screening import ONE_PROTOCOL
from PDACScreeningLib.network.nnunet_folder import StepSource
from PDACScreeningLib.network.nnunet_import import ImportOrder, import_nnunet
from PDACScreeningLib.network.nnunet_weights import fold_weights
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.network.unet_predictor import UNetPredictor
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.report.network_agreement import network_agreement
from PDACScreeningLib.report.plain_summary import plain_summary
from PDACScreeningLib.report.screening_report import report_html
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.part import VolumePart

CPU = {"device": "cpu", "precision": "fp32"}


def screened(model, ct, **options):
    return pdac.Screener(model, **CPU, **options).screen(ct)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return import_thresholds(tmp_path_factory.mktemp("one"))


def test_what_the_network_sees_is_what_is_counted(one):
    answer = screened(one, known_scan((6, 6, 6)))
    screening = answer.screening
    assert (screening.outcome, screening.tumor_voxels) == (Outcome.SUSPICIOUS, 216)
    assert screening.pancreas_voxels == np.count_nonzero(known_scan((6, 6, 6)).hu > 50) - 216
    assert np.array_equal(answer.label_map.labels == Label.TUMOR, known_scan((6, 6, 6)).hu > 150)
    assert screening.tumor_volume_mm3 == screening.native_tumor_volume_mm3 == 216 * 8
    assert screening.findings[0].voxels == 216
    assert screening.score > 0.7
    assert screening.candidate_score == pytest.approx(1.0, abs=1e-3)
    assert (screening.protocol.name, screening.protocol.ensemble.folds) == ("exact", ("0",))


def test_without_a_tumor_nothing_is_called(one):
    screening = screened(one, known_scan((0, 0, 0))).screening
    assert (screening.outcome, screening.tumor_voxels) == (Outcome.NOT_SUSPICIOUS, 0)
    assert screening.candidate_score < 1e-3


def test_k_is_a_number_of_voxels_of_the_models_grid_whatever_the_scans_are(tmp_path):
    """50 voxels of 2 x 2 x 2 mm are 400 mm3: on a scan of 1 x 1 x 2 mm, 200 voxels."""
    model = import_thresholds(tmp_path)
    ct = known_scan((10, 10, 2), shape=(48, 64, 64), spacing_mm=(1.0, 1.0, 2.0))
    engine = load_engine(model, Runtime("cpu", "fp32")).engine
    assert engine.config_on(ct.geometry).decision.min_tumor_voxels == 200
    assert engine.config_on(Geometry((9, 9, 9), (2.0, 2.0, 2.0))).decision.min_tumor_voxels == 50
    screening = screened(model, ct).screening
    assert (screening.protocol.decision.min_tumor_voxels, screening.protocol.min_tumor_volume_mm3) == (200, 400)
    assert screening.protocol.ensemble.min_tumor_voxels == 50
    assert "K = 0.40 mL (50 voxels) of its grid of 2 x 2 x 2 mm, which is 200 voxels of this scan" in plain_summary(
        screening
    )


@pytest.mark.parametrize("axes", ["RAI", "LPS", "RAS", "PIR"])
def test_the_order_in_which_a_file_stores_its_voxels_changes_nothing(tmp_path, one, axes):
    ct = known_scan((6, 8, 10), shape=(40, 64, 56), spacing_mm=(1.5, 2.0, 3.0))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    turned = sitk.DICOMOrient(image, axes)
    sitk.WriteImage(turned, str(tmp_path / "turned.nii.gz"))
    straight, other = screened(one, ct), screened(one, tmp_path / "turned.nii.gz")
    assert other.screening.tumor_voxels == straight.screening.tumor_voxels > 0
    labels = sitk.GetImageFromArray(other.label_map.labels)
    labels.CopyInformation(turned)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.DICOMOrient(labels, "LPS")), straight.label_map.labels)


def test_a_network_that_learned_on_reoriented_images_sees_them_so(tmp_path):
    """NibabelIOWithReorient stores slices from right to left and from back to front."""
    folder = write_folder(tmp_path / "trained", plan={"image_reader_writer": "NibabelIOWithReorient"})
    import_nnunet(ImportOrder("theirs", StepSource(folder, NAMES), "CC0", "this test"), tmp_path / "model")
    run = load_engine(tmp_path / "model", Runtime("cpu", "fp32")).engine.fine_run(Runtime("cpu", "fp32"))
    hu = known_scan(shape=(16, 24, 32)).hu.astype(np.float32)

    def answered(voxels, step):
        image = prepare(voxels, (2.0, 2.0, 3.0), step)
        return answer_of(replace(run, step=step).mean_logits(image, "all", ignore_progress), image, step)

    assert run.step.flip_in_plane
    as_stored = replace(run.step, flip_in_plane=False)
    turned, straight = answered(hu, run.step), answered(hu[:, ::-1, ::-1], as_stored)
    assert np.array_equal(turned.labels, straight.labels[:, ::-1, ::-1])
    assert np.array_equal(turned.tumor_probability, straight.tumor_probability[:, ::-1, ::-1])
    assert not np.array_equal(turned.tumor_probability, answered(hu, as_stored).tumor_probability)


def test_the_folds_that_call_it_are_counted_and_named(tmp_path):
    """Folds see a tumor from 150, 150 and 900 HU on: the mean of their outputs still does, the third alone does not."""
    model = import_thresholds(tmp_path, folds=(150.0, 150.0, 900.0))
    screening = screened(model, known_scan((6, 6, 6))).screening
    assert [scale.title for scale in screening.scales] == ["fold 0", "fold 1", "fold 2"]
    assert [scale.tumor_voxels for scale in screening.scales] == [216, 216, 0]
    assert network_agreement(screening) == "2 of 3 folds alone call a tumor; not fold 2."
    page = report_html(screening, None, None)
    assert "2 of 3 folds alone call a tumor" in page
    assert "another part of the same data" in page
    chosen = screened(model, known_scan((6, 6, 6)), folds=("2",)).screening
    assert (chosen.tumor_voxels, chosen.protocol.ensemble.folds) == (0, ("2",))
    assert network_agreement(chosen) == "Only fold 2 of the ensemble answered; there is no other one to agree with."


def test_the_answer_of_several_folds_is_the_mean_of_their_logits(tmp_path):
    model = import_thresholds(tmp_path, folds=(150.0, 190.0))
    ct = known_scan((6, 6, 6))
    ct = CTVolume(np.where(ct.hu > 150, np.int16(175), ct.hu), ct.geometry)
    screening = screened(model, ct).screening
    assert [scale.tumor_voxels for scale in screening.scales] == [216, 0]
    assert screening.tumor_voxels == 216  # the mean changes at 170 HU


def test_the_mean_is_taken_in_the_half_precision_that_nnunet_sums_in():
    total = LogitSum()
    for value in (1.0, 2.0, 2.0004):
        total.add(torch.full((1, 2, 2, 2), value, dtype=torch.half))
    mean = total.mean()
    assert mean.dtype == torch.half
    assert float(mean.flatten()[0]) == float((np.float16(1) + np.float16(2) + np.float16(2)) / np.float16(3))


def test_mirroring_and_folds_are_named_by_the_result(tmp_path):
    model = import_thresholds(tmp_path, folds=(150.0, 150.0), mirror_axes=(0, 1, 2))
    mirrored = screened(model, known_scan()).screening
    plain = screened(model, known_scan(), mirroring=False, folds=("1",)).screening
    assert (mirrored.protocol.ensemble.mirrored, plain.protocol.ensemble.mirrored) == (True, False)
    assert "folds 0 and 1, mirrored views too, one step" in plain_summary(mirrored)
    assert "fold 1, no mirrored views, one step" in plain_summary(plain)
    never = import_thresholds(tmp_path / "never", mirror_axes=None)
    assert not screened(never, known_scan()).screening.protocol.ensemble.mirrored


def test_a_fold_that_is_not_there_and_folds_of_the_papers_networks_are_refused(one):
    with pytest.raises(UsageError, match="no fold 7; its folds are 0"):
        screened(one, known_scan(), folds=("7",))
    with pytest.raises(UsageError, match="no folds to choose"):
        screened("demo-phantom", known_scan(), folds=("0",))


def test_a_first_step_finds_the_region_of_the_second(tmp_path):
    model = import_thresholds(tmp_path, coarse=True)
    answer = screened(model, known_scan((6, 6, 6)))
    assert (answer.screening.outcome, answer.screening.tumor_voxels) == (Outcome.SUSPICIOUS, 216)
    assert answer.screening.protocol.ensemble.steps == 2
    assert {"first step", "second step"} <= set(answer.screening.timings_s)


def test_what_lies_outside_the_region_of_the_first_step_is_not_seen(tmp_path):
    """The margin is 12, 8 and 8 mm: a bright ball far from the pancreas is left to nobody."""
    ct = known_scan((6, 6, 6))
    ct.hu[4:8, 8:12, 8:12] = 120  # bright enough for the second step, not for a coarse grid that blurs it
    far = screened(import_thresholds(tmp_path / "one"), ct).screening
    near = screened(import_thresholds(tmp_path / "two", coarse=True), ct)
    assert far.tumor_voxels == near.screening.tumor_voxels
    assert not near.label_map.labels[4:8, 8:12, 8:12].any()


def test_an_empty_first_step_is_indeterminate_and_never_a_normal(tmp_path):
    model = import_thresholds(tmp_path, coarse=True, coarse_pancreas=False)
    screening = screened(model, known_scan((6, 6, 6))).screening
    assert screening.outcome is Outcome.INDETERMINATE
    assert screening.reason.startswith("The first step found no pancreas")
    assert "not a normal result" in screening.reason


def test_a_network_that_finds_nothing_at_all_is_indeterminate(one):
    screening = screened(one, known_scan((0, 0, 0), gland=False)).screening
    assert (screening.outcome, screening.reason[:31]) == (Outcome.INDETERMINATE, "The network found no pancreas; ")


def test_a_published_operating_point_stands_beside_the_rule_and_no_normal_against_it(tmp_path):
    """27 voxels are 216 mm3, below the K of 400 mm3, and a sure lesion candidate."""
    model = import_thresholds(tmp_path, published_score=0.5)
    small = screened(model, known_scan((3, 3, 3))).screening
    assert (small.rule_call, small.outcome) == (Outcome.NOT_SUSPICIOUS, Outcome.INDETERMINATE)
    assert "operating point that the model's authors publish" in small.reason
    large = screened(model, known_scan((6, 6, 6))).screening
    assert large.outcome is Outcome.SUSPICIOUS
    assert any("the scan is called" in warning for warning in large.warnings)
    none = screened(model, known_scan((0, 0, 0))).screening
    assert none.outcome is Outcome.NOT_SUSPICIOUS
    assert any("the scan is not called" in warning for warning in none.warnings)


def test_near_the_rule_full_precision_decides(one):
    """56 voxels of 50: between K / 1.5 and 1.5 K."""
    ct = known_scan((7, 4, 2))
    screening = pdac.Screener(one, device="cpu", precision="bf16").screen(ct).screening
    assert "nnU-Net, full precision" in screening.timings_s
    assert screening.provenance.precision == "fp32"
    far = pdac.Screener(one, device="cpu", precision="bf16").screen(known_scan((9, 9, 9))).screening
    assert (far.provenance.precision, far.tumor_voxels) == ("bf16", 729)


def test_progress_is_told_window_by_window_and_can_be_cancelled(one):
    seen = []
    pdac.Screener(one, **CPU).screen(known_scan(), on_progress=seen.append)
    windows = [progress for progress in seen if progress.stage == "nnU-Net"]
    assert [progress.done for progress in windows] == [*range(windows[0].total + 1)]
    assert windows[0].total == 5 * 3 * 3

    def stop(progress):
        if progress.stage == "nnU-Net" and progress.done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        pdac.Screener(one, **CPU).screen(known_scan(), on_progress=stop)


def test_the_time_left_is_told_while_windows_run(tmp_path, one, capsys):
    ct = known_scan((6, 6, 6))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    typed = ["screen", str(tmp_path / "scan.nii.gz"), "--output", str(tmp_path / "out"), "--model", str(one)]
    assert main([*typed, "--progress", "json", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    events = [json.loads(line) for line in (told.out + told.err).splitlines() if line.startswith("{")]
    windows = [event for event in events if event.get("stage") == "nnU-Net"]
    assert windows[-1]["done"] == windows[-1]["total"] == 45
    left = [event["eta_s"] for event in windows if event.get("eta_s") is not None]
    assert len(left) > 1
    assert left[-1] <= max(left)
    assert left[-1] < 5


def test_the_command_line_writes_the_same_folder_as_for_any_model(tmp_path, one, capsys):
    ct = known_scan((6, 6, 6))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    out = tmp_path / "out"
    typed = ["screen", str(tmp_path / "scan.nii.gz"), "--output", str(out), "--model", str(one), "--folds", "0"]
    assert main([*typed, "--no-mirroring", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    assert "imported nnU-Net" in told.out
    assert "Candidate score: 1.000" in told.out
    answer = pdac.read_result(out)
    assert answer.screening.protocol.ensemble.mirrored is False
    plain = json.loads((out / "screening.json").read_text())
    assert plain["candidate_score"] == answer.screening.candidate_score
    assert plain["scales"][0]["name"] == "fold 0"
    page = (out / "report.html").read_text()
    assert "Candidate score" in page
    assert "no mirrored views" in page


def test_the_fast_protocol_that_it_does_not_have_is_named_by_result_and_command_line(tmp_path, one, capsys):
    ct, empty = known_scan((6, 6, 6)), known_scan((0, 0, 0), gland=False)
    assert not any("fast protocol" in warning for warning in screened(one, ct).screening.warnings)
    fast = pdac.Screener(one, **CPU).screen(ct, protocol="fast").screening
    assert ONE_PROTOCOL in fast.warnings
    assert fast.protocol.name == "exact"
    assert ONE_PROTOCOL in pdac.Screener(one, **CPU).screen(empty, protocol="fast").screening.warnings
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    typed = ["screen", str(tmp_path / "scan.nii.gz"), "--output", str(tmp_path / "out"), "--model", str(one)]
    assert main([*typed, "--protocol", "fast", "--device", "cpu"]) == 0
    assert f"Warning: {ONE_PROTOCOL}" in capsys.readouterr().out


def test_edited_segments_are_scored_by_the_same_rule(one):
    from PDACScreeningLib.inference.rescoring import rescore

    ct = known_scan((6, 6, 6))
    answer = screened(one, ct)
    edited = answer.label_map.labels.copy()
    edited[edited == Label.TUMOR] = Label.PANCREAS
    parts = [
        VolumePart.of(voxels, ct.geometry) for voxels in (answer.label_map.labels, edited, answer.tumor_probability)
    ]
    rescored = rescore(answer.screening, *parts, ct)
    assert (rescored.screening.outcome, rescored.screening.tumor_voxels) == (Outcome.NOT_SUSPICIOUS, 0)
    assert isinstance(rescored.screening, Screening)


@pytest.mark.parametrize("seed", range(6))
def test_the_candidate_score_is_that_of_the_package_the_baseline_uses(seed):
    rng = np.random.default_rng(seed)
    probability = ndimage.gaussian_filter(rng.random((20, 24, 28)), 1.5).astype(np.float32)
    probability = (probability - probability.min()) / np.ptp(probability)
    labels = np.where(ndimage.gaussian_filter(rng.random(probability.shape), 3) > 0.5, 1, 0).astype(np.uint8)
    near = ndimage.binary_dilation(labels > 0, structure=np.ones((5, 5, 5), bool))
    masked = np.where(near, probability, 0).astype(np.float32)
    expected = float(np.max(extract_lesion_candidates(masked)[0]))
    assert candidate_score(probability, labels) == pytest.approx(expected, abs=1e-6)


def test_a_candidate_of_ten_voxels_is_none():
    probability, labels = np.zeros((9, 9, 20), np.float32), np.ones((9, 9, 20), np.uint8)
    probability[4, 4, 2:12] = 0.9
    assert candidate_score(probability, labels) == 0
    probability[4, 4, 12] = 0.9
    assert candidate_score(probability, labels) == pytest.approx(0.9)


def test_windows_lie_evenly_and_the_last_one_is_flush():
    assert window_starts(110, 64) == [0, 23, 46]
    assert window_starts(64, 64) == [0]
    assert window_starts(65, 64) == [0, 1]


def test_a_half_voxel_rounds_to_the_even_number():
    assert shape_at((5, 7), (1.0, 1.0), (2.0, 2.0)) == (2, 4)


def test_options_of_an_ensemble_are_those_of_the_request(one):
    loaded = load_engine(one, Runtime("cpu", "fp32"), EnsembleOptions(("0",), mirroring=False))
    assert loaded.engine.network_names == ("fold 0",)
    assert loaded.memory_steps() == ()


def test_where_a_gpu_has_no_room_the_processors_take_over_and_it_is_told(one, monkeypatch):
    run = load_engine(one, Runtime("cpu", "fp32")).engine.fine_run(Runtime("cpu", "fp32"))
    predictor = UNetPredictor(run.step.unet, run.runtime, ())
    predictor.load(fold_weights(run.folder, run.folds[0], run.step.unet))
    window = torch.zeros((1, 1, *run.step.patch_size))
    expected, mean = predictor(window), predictor._mean
    predictor.runtime = replace(run.runtime, device="cuda")

    def full_on_the_gpu(image):
        if predictor.runtime.device == "cuda":
            raise torch.OutOfMemoryError
        return mean(image)

    monkeypatch.setattr(predictor, "_mean", full_on_the_gpu)
    assert torch.equal(predictor(window), expected)
    assert predictor.memory_steps == ["nnU-Net, one window: processors instead of cuda"]
    with pytest.raises(MemoryError):
        predictor.use_processors("one window")
