"""From data sets to a case store: good cases in, bad ones out with their reason, and no scan twice."""

from dataclasses import replace

import numpy as np
import pytest
from dataset_trees import (
    GEOMETRY,
    SHAPE,
    gland_in_fat,
    msd_tree,
    nih_scan,
    nih_tree,
    panorama_tree,
    stored_in_ras,
    write,
)
from stored_scans import REAL_CT

from PDACScreeningLib.datasets.csv_list import csv_list
from PDACScreeningLib.datasets.msd_pancreas import msd_pancreas
from PDACScreeningLib.datasets.nih_pancreas_ct import nih_pancreas_ct
from PDACScreeningLib.datasets.panorama import panorama
from PDACScreeningLib.errors import Cancelled, DataError
from PDACScreeningLib.training import preparation_record
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import LabelMapping

SPACING_MM = 3.0


def own_cases(folder, cases):
    """A CSV data set of {name: (hu, labels, geometry of the labels)}."""
    for name, (hu, labels, geometry) in cases.items():
        write(folder / f"{name}.nii.gz", hu)
        write(folder / f"{name}-labels.nii.gz", labels, geometry)
    rows = "".join(f"{name}.nii.gz,{name}-labels.nii.gz\n" for name in cases)
    (folder / "cases.csv").write_text(f"image,labels\n{rows}")
    return csv_list(folder / "cases.csv")


def two_good_cases(folder):
    return own_cases(folder, {name: (*gland_in_fat(seed), GEOMETRY) for seed, name in enumerate(("a", "b"))})


def only_reason(folder, hu, labels, geometry=GEOMETRY, *, mapping=None):
    """Why a case beside a good one is refused."""
    dataset = own_cases(folder, {"bad": (hu, labels, geometry), "good": (*gland_in_fat(9), GEOMETRY)})
    if mapping is not None:
        bad, good = dataset.cases
        dataset = replace(dataset, cases=(replace(bad, label_mapping=mapping), good))
    index = prepare([dataset], folder / "store", SPACING_MM)
    assert [case.case_id for case in index.cases] == ["good"]
    assert [case.case_id for case in CaseStore(folder / "store").index.cases] == ["good"]
    assert not list((folder / "store").glob("bad.*"))
    (refused,) = index.refused
    assert (refused.case_id, refused.dataset) == ("bad", "csv")
    return refused.reason


def test_msd_arrives_in_canonical_orientation(tmp_path):
    index = prepare([msd_pancreas(msd_tree(tmp_path / "msd"))], tmp_path / "store", SPACING_MM)
    hu, labels = gland_in_fat(0, tumor=True)
    case = CaseStore(tmp_path / "store").cases[0]
    assert np.array_equal(case.hu, hu)
    assert np.array_equal(case.labels, labels)
    assert (case.facts.dataset, case.facts.warnings) == ("msd", ())
    assert index.refused == ()
    assert index.datasets[0].license == "CC BY-SA 4.0"
    assert "Decathlon" in index.source


def test_nih_dicom_and_its_flipped_label_map_come_together(tmp_path):
    index = prepare([nih_pancreas_ct(nih_tree(tmp_path / "nih"))], tmp_path / "store", SPACING_MM)
    hu, labels = gland_in_fat(101)
    case = CaseStore(tmp_path / "store").cases[0]
    assert np.array_equal(case.hu, hu)
    assert np.array_equal(case.labels, labels)
    assert all(stored.tumor_voxels == 0 and not stored.warnings for stored in index.cases)


def test_panorama_numbers_of_any_type_become_pancreas_and_tumor(tmp_path):
    index = prepare([panorama(panorama_tree(tmp_path / "panorama"))], tmp_path / "store", SPACING_MM)
    _, labels = gland_in_fat(200, tumor=True)
    assert np.array_equal(CaseStore(tmp_path / "store").cases[0].labels, labels)
    assert [case.tumor_voxels > 0 for case in index.cases] == [True, False, False]
    assert len({case.patient_id for case in index.cases}) == 2


def test_a_label_map_whose_header_places_it_elsewhere_is_taken_where_the_voxels_prove_it(tmp_path):
    nih_tree(tmp_path, (1, 2))
    maps = tmp_path / "TCIA_pancreas_labels-02-05-2017"
    nowhere = replace(GEOMETRY, origin_mm=(0.0, 0.0, 0.0))
    write(maps / "label0001.nii.gz", gland_in_fat(101)[1], nowhere)
    write(maps / "label0002.nii.gz", gland_in_fat(102)[1][:, ::-1].copy(), nowhere)
    index = prepare([nih_pancreas_ct(tmp_path)], tmp_path / "store", SPACING_MM)
    (kept,), (refused,) = index.cases, index.refused
    assert kept.case_id == "nih-PANCREAS_0001"
    assert "voxel by voxel" in kept.warnings[0]
    assert "mirrored front-back" in refused.reason


def test_a_real_scan_and_its_label_map_are_taken(tmp_path):
    if not REAL_CT.exists():
        pytest.skip("../shared/data/real_ct_totalsegmentator_Apache2 is absent")
    names = ("ts_example_ct_3mm.nii.gz", "ts_example_pancreas_3mm.nii.gz")
    (tmp_path / "cases.csv").write_text("image,labels\n" + ",".join(str(REAL_CT / name) for name in names))
    index = prepare([csv_list(tmp_path)], tmp_path / "store", SPACING_MM)
    assert index.cases[0].pancreas_voxels == 818
    assert index.cases[0].warnings == ()


def test_a_label_map_mirrored_in_spite_of_its_header_is_refused_with_the_evidence(tmp_path):
    hu, labels = gland_in_fat()
    reason = only_reason(tmp_path, hu, labels[:, ::-1].copy())
    assert "better when it is mirrored front-back" in reason
    assert "as stored" in reason
    assert "--mirrored-labels" in reason


def test_a_data_set_that_is_known_to_be_mirrored_can_be_said_to_be(tmp_path):
    hu, labels = gland_in_fat()
    dataset = own_cases(tmp_path, {"a": (hu, labels[:, ::-1].copy(), GEOMETRY)})
    mended = replace(dataset, cases=tuple(replace(case, mirrored=(False, True, False)) for case in dataset.cases))
    prepare([mended], tmp_path / "store", SPACING_MM)
    assert np.array_equal(CaseStore(tmp_path / "store").cases[0].labels, labels)


def test_a_label_map_of_another_place_is_refused(tmp_path):
    reason = only_reason(tmp_path, *gland_in_fat(), replace(GEOMETRY, origin_mm=(-70.0, -60.0, 130.0)))
    assert "lies elsewhere than the scan" in reason


@pytest.mark.parametrize(("value", "told"), [(3.0, "the value 3"), (0.5, "the value 0.5")])
def test_foreign_label_values_are_refused(tmp_path, value, told):
    hu, labels = gland_in_fat()
    foreign = labels.astype(np.float64)
    foreign[0, 0, 0] = value
    assert told in only_reason(tmp_path, hu, foreign)


def test_a_label_map_that_is_empty_after_mapping_is_refused(tmp_path):
    nothing = LabelMapping(((1, Label.BACKGROUND),))
    assert "no pancreas voxel" in only_reason(tmp_path, *gland_in_fat(), mapping=nothing)


def test_a_scan_that_screening_would_reject_is_not_trained_on(tmp_path):
    hu, labels = gland_in_fat()
    assert "air" in only_reason(tmp_path, np.clip(hu, -150, 250), labels)


def test_a_label_map_in_gas_is_refused(tmp_path):
    hu, labels = gland_in_fat()
    assert "0% of the labeled voxels" in only_reason(tmp_path, np.where(labels > 0, -800, hu).astype(np.int16), labels)


def test_a_gland_that_could_be_anywhere_is_kept_with_a_warning(tmp_path):
    hu, labels = gland_in_fat()
    gray = np.where(hu > -500, 20, hu).astype(np.int16)
    index = prepare([own_cases(tmp_path, {"a": (gray, labels, GEOMETRY)})], tmp_path / "store", SPACING_MM)
    assert any("not fit its scan clearly better" in warning for warning in index.cases[0].warnings)


def test_a_file_that_is_missing_is_refused_by_name(tmp_path):
    dataset = two_good_cases(tmp_path)
    (tmp_path / "a-labels.nii.gz").unlink()
    index = prepare([dataset], tmp_path / "store", SPACING_MM)
    assert "a-labels.nii.gz does not exist" in index.refused[0].reason


def test_a_name_that_no_disk_can_hold_refuses_its_case_and_not_the_others(tmp_path):
    good, bad = two_good_cases(tmp_path).cases
    dataset = replace(two_good_cases(tmp_path), cases=(replace(bad, image=tmp_path / (300 * "x" + ".nii")), good))
    index = prepare([dataset], tmp_path / "store", SPACING_MM)
    assert [case.case_id for case in index.cases] == ["a"]
    assert "its files cannot be looked at (File name too long)" in index.refused[0].reason


def test_when_nothing_is_usable_there_is_no_store(tmp_path):
    hu, labels = gland_in_fat()
    dataset = own_cases(tmp_path, {"a": (hu, 0 * labels, GEOMETRY)})
    with pytest.raises(DataError, match="none of the 1 cases can be used; a: .*no pancreas voxel"):
        prepare([dataset], tmp_path / "store", SPACING_MM)
    assert not (tmp_path / "store" / "store.json").exists()


@pytest.mark.parametrize(("name", "stays"), [("other", True), ("a", False)])
def test_unusable_cases_leave_a_store_of_other_cases_as_it_is(tmp_path, name, stays):
    store = tmp_path / "store"
    index = prepare([two_good_cases(tmp_path / "good")], store, SPACING_MM)
    hu, labels = gland_in_fat()
    with pytest.raises(DataError, match="none of the 1 cases"):
        prepare([own_cases(tmp_path / "bad", {name: (hu, 0 * labels, GEOMETRY)})], store, SPACING_MM)
    assert (store / "store.json").exists() == stays  # with "a" refused, its arrays are gone
    if stays:
        kept = CaseStore(store)
        assert kept.index == index
        assert [bool(case.labels.any()) for case in kept.cases] == [True, True]


def test_one_scan_of_two_data_sets_is_kept_once_and_its_patient_is_one_patient(tmp_path):
    nih_tree(tmp_path / "nih", (1,))
    panorama_tree(tmp_path / "panorama")  # 100001 has two studies; the second one shows the NIH scan
    hu, labels = gland_in_fat(101)
    maps = tmp_path / "panorama" / "panorama_labels" / "automatic_labels"
    write(tmp_path / "panorama" / "batch_2" / "100001_00002_0000.nii.gz", *stored_in_ras(hu))
    write(maps / "100001_00002.nii.gz", *stored_in_ras(labels * 4))
    datasets = [nih_pancreas_ct(tmp_path / "nih"), panorama(tmp_path / "panorama")]
    index = prepare(datasets, tmp_path / "store", SPACING_MM)
    (refused,) = index.refused
    assert refused.case_id == "panorama-100001_00002"
    assert "same scan as nih-PANCREAS_0001" in refused.reason
    patients = {case.case_id: case.patient_id for case in index.cases}
    assert patients["panorama-100001_00001"] == patients["nih-PANCREAS_0001"] == "nih-PANCREAS_0001"
    assert patients["panorama-100002_00001"] == "panorama-100002"
    assert any("panorama-100001 is nih-PANCREAS_0001" in note for note in index.notes)


def test_a_case_name_that_stands_twice_is_refused_before_anything_is_written(tmp_path):
    dataset = two_good_cases(tmp_path)
    with pytest.raises(DataError, match="2 case names stand twice, such as a"):
        prepare([dataset, dataset], tmp_path / "store", SPACING_MM)
    assert not (tmp_path / "store").exists()


@pytest.mark.slow
def test_the_number_of_processes_does_not_matter(tmp_path):
    dataset = two_good_cases(tmp_path)
    assert prepare([dataset], tmp_path / "1", SPACING_MM) == prepare([dataset], tmp_path / "2", SPACING_MM, jobs=2)


def test_the_voxels_go_onto_the_working_grid(tmp_path):
    index = prepare([two_good_cases(tmp_path)], tmp_path / "store", 6.0)
    assert index.cases[0].shape == tuple(length // 2 for length in SHAPE)


def counting(monkeypatch):
    """Names of the cases that are really prepared, one after the other."""
    done = []
    original = preparation_record.prepare_case

    def counted(task):
        done.append(task.case.case_id)
        return original(task)

    monkeypatch.setattr(preparation_record, "prepare_case", counted)
    return done


def test_an_interrupted_preparation_goes_on_where_it_stopped(tmp_path, monkeypatch):
    dataset = two_good_cases(tmp_path)

    def stop_after_one(progress):
        if progress.done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        prepare([dataset], tmp_path / "store", SPACING_MM, on_progress=stop_after_one)
    with pytest.raises(DataError, match="not a case store"):
        CaseStore(tmp_path / "store")
    done = counting(monkeypatch)
    index = prepare([dataset], tmp_path / "store", SPACING_MM)
    assert done == ["b"]
    assert index == prepare([dataset], tmp_path / "calm", SPACING_MM)


@pytest.mark.parametrize("what", ["damaged array", "lost array", "changed label map", "damaged record"])
def test_what_is_not_as_it_was_is_prepared_again(tmp_path, monkeypatch, what):
    dataset, store = two_good_cases(tmp_path), tmp_path / "store"
    prepare([dataset], store, SPACING_MM)
    if what == "damaged array":
        content = bytearray((store / "a.hu.npy").read_bytes())
        content[-7] ^= 1
        (store / "a.hu.npy").write_bytes(content)
    elif what == "lost array":
        (store / "a.labels.npy").unlink()
    elif what == "changed label map":
        write(tmp_path / "a-labels.nii.gz", gland_in_fat(0, tumor=True)[1])
    else:
        (store / "prepared" / "a.json").write_text("{")
    done = counting(monkeypatch)
    index = prepare([dataset], store, SPACING_MM)
    assert done == ["a"]
    assert (index.cases[0].tumor_voxels > 0) == (what == "changed label map")


def test_what_was_prepared_by_other_rules_is_prepared_again(tmp_path, monkeypatch):
    """A store that an earlier version began is not finished half by its rules and half by these."""
    dataset, store = two_good_cases(tmp_path), tmp_path / "store"
    monkeypatch.setattr(preparation_record, "RULES_VERSION", preparation_record.RULES_VERSION - 1)
    prepare([dataset], store, SPACING_MM)
    monkeypatch.undo()
    done = counting(monkeypatch)
    prepare([dataset], store, SPACING_MM)
    assert done == ["a", "b"]


def test_a_duplicate_is_not_prepared_again_until_its_twin_is_gone(tmp_path, monkeypatch):
    first, store = two_good_cases(tmp_path), tmp_path / "store"
    twin = replace(first, cases=tuple(replace(case, case_id=f"twin-{case.case_id}") for case in first.cases))
    assert len(prepare([first, twin], store, SPACING_MM).refused) == 2
    assert not list(store.glob("twin-*"))
    done = counting(monkeypatch)
    assert len(prepare([first, twin], store, SPACING_MM).refused) == 2
    assert done == []
    index = prepare([twin], store, SPACING_MM)
    assert done == ["twin-a", "twin-b"]
    assert len(CaseStore(store).cases) == len(index.cases) == 2


def test_a_finished_store_is_not_replaced_by_one_on_another_grid(tmp_path):
    dataset, store = two_good_cases(tmp_path), tmp_path / "store"
    prepare([dataset], store, SPACING_MM)
    with pytest.raises(DataError, match="working spacing of 3 mm, not the scans' own"):
        prepare([dataset], store, None)
    assert len(CaseStore(store).cases) == 2


def test_dicom_slices_that_do_not_match_the_label_map_are_refused(tmp_path):
    nih_tree(tmp_path, (1, 2))
    hu, _ = gland_in_fat(102)
    series = nih_scan(tmp_path / "again", 2, hu[:-2])
    (tmp_path / "manifest-1599750808610" / "Pancreas-CT" / "PANCREAS_0002").rename(tmp_path / "gone")
    series.parents[1].rename(tmp_path / "manifest-1599750808610" / "Pancreas-CT" / "PANCREAS_0002")
    index = prepare([nih_pancreas_ct(tmp_path / "manifest-1599750808610", tmp_path)], tmp_path / "store", SPACING_MM)
    assert [case.case_id for case in index.cases] == ["nih-PANCREAS_0001"]
    assert "x 36 voxels, the scan 48 x 44 x 34" in index.refused[0].reason


def twins(folder, *, first, second):
    """The same scan in two data sets with other truths; names of data sets, first and second."""
    hu, with_tumor = gland_in_fat(3, tumor=True)
    without = np.minimum(with_tumor, 1)
    made = []
    for name, labels in ((first, with_tumor), (second, without)):
        dataset = own_cases(folder / name, {f"{name}-case": (hu, labels, GEOMETRY)})
        facts = replace(dataset.facts, name=name, any_mass=name == "masses")
        made.append(replace(dataset, facts=facts, cases=tuple(replace(case, dataset=name) for case in dataset.cases)))
    return made


def test_a_tumor_of_any_kind_does_not_stand_against_a_truth_that_knows_the_kind(tmp_path):
    (tmp_path / "store").mkdir()
    masses, pdac = twins(tmp_path, first="masses", second="pdac")
    good = two_good_cases(tmp_path / "good")
    index = prepare([masses, pdac, good], tmp_path / "store", SPACING_MM)
    assert [case.case_id for case in index.cases] == ["a", "b"]
    reasons = {case.case_id: case.reason for case in index.refused}
    assert "name pdac first" in reasons["masses-case"]
    assert [case.is_duplicate for case in index.refused] == [False, True]
    again = prepare([pdac, masses, good], tmp_path / "other", SPACING_MM)
    assert [case.case_id for case in again.cases] == ["pdac-case", "a", "b"]
    assert "no tumor, that of masses-case, the same scan, one" in again.cases[0].warnings[-1]


def test_two_truths_of_the_same_kind_that_disagree_leave_a_warning(tmp_path):
    one, other = twins(tmp_path, first="here", second="there")
    index = prepare([one, other], tmp_path / "store", SPACING_MM)
    assert [case.case_id for case in index.cases] == ["here-case"]
    assert index.cases[0].warnings == ("its truth has a tumor, that of there-case, the same scan, none",)


def test_a_tumor_that_vanishes_on_the_working_grid_does_not_become_a_normal(tmp_path):
    hu, labels = gland_in_fat(3)
    z, y, x = np.argwhere(labels == 1)[len(np.argwhere(labels == 1)) // 2]
    labels[z, y, x] = 2
    dataset = own_cases(tmp_path, {"speck": (hu, labels, GEOMETRY), "good": (*gland_in_fat(9), GEOMETRY)})
    index = prepare([dataset], tmp_path / "store", 12.0)
    assert [case.case_id for case in index.cases] == ["good"]
    assert "its tumor of 1 voxels" in index.refused[0].reason
    assert "vanishes on a grid of 12 mm" in index.refused[0].reason


def test_the_truth_on_the_scans_own_grid_is_kept(tmp_path):
    prepare([two_good_cases(tmp_path)], tmp_path / "store", 2 * SPACING_MM)
    case = CaseStore(tmp_path / "store").cases[0]
    truth = case.native_truth
    assert np.array_equal(truth.labels, gland_in_fat(0)[1])
    assert truth.geometry.is_close(GEOMETRY)
    case.native.write_bytes(case.native.read_bytes()[:-1])
    with pytest.raises(DataError, match="prepare the store again"):
        CaseStore(tmp_path / "store").cases[0].native_truth  # noqa: B018  # reading it raises
