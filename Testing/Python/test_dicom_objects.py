"""DICOM objects of a result: what they say, whose they are, and which identifiers they have."""

import copy
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from dicom_cases import (
    PATIENT,
    asymmetric_labels,
    code_of,
    directions,
    items_of,
    made_case,
    multi_frame_case,
    numbers_of,
    read_object,
    screened,
)
from pydicom.sr.codedict import codes
from pydicom.uid import UID, generate_uid
from sample_screenings import ALL, INDETERMINATE, SUSPICIOUS

from PDACScreeningLib.dicom import concepts
from PDACScreeningLib.dicom.identifiers import stable_uid
from PDACScreeningLib.dicom.object_files import KEY_IMAGES, KEY_OBJECTS, PROBABILITY, REPORT, SEGMENTATION
from PDACScreeningLib.dicom.options import SEGMENTATION_KINDS, DicomOptions, Edit
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files, edited_dicom_files
from PDACScreeningLib.outcome import JUDGED
from PDACScreeningLib.scan_files.series_source import SeriesSource
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

SUMMARIES = {"SUSPICIOUS": "111242", "NOT_SUSPICIOUS": "111241"}
SOME_DIRECTIONS = list(directions())[::5]  # all 30 of them: make test-dicom
ALL_OF_THEM = DicomOptions(probability=True, key_objects=True)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return made_case(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module")
def files(case):
    return case.files(ALL_OF_THEM)


@pytest.fixture(scope="module")
def report(files):
    return read_object(files[REPORT])


@pytest.fixture(scope="module")
def segmentation(files):
    return read_object(files[SEGMENTATION])


def edited(case, labels, options=None, reader="Muster^Eva"):
    """Objects of a case whose labels a reader changed."""
    label_map = LabelMap(labels, case.voxels.ct.geometry)
    screening = screened(case.screening, label_map, case.voxels.ct, case.voxels.probability.whole())
    voxels = replace(case.voxels, label_map=label_map, ct=None)
    ai = (case.screening, case.voxels.label_map)
    return dict(edited_dicom_files(ai, screening, voxels, case.source, options or DicomOptions(), Edit(reader)))


def labels_read_back(content, source):
    """(z, y, x) values of Label of a segmentation object, read by highdicom."""
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(content))
    numbers = read.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in source.images],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    label_of = np.zeros(max(read.segment_numbers) + 1, np.uint8)
    for number in read.segment_numbers:
        is_pancreas = read.get_segment_description(number).segmented_property_type == concepts.PANCREAS
        label_of[number] = Label.PANCREAS if is_pancreas else Label.TUMOR
    return label_of[numbers.astype(int)]


def test_a_result_has_segmentation_report_and_key_images_and_what_else_was_asked_for(case, files):
    assert set(case.files()) == {SEGMENTATION, REPORT, *KEY_IMAGES[:8]}
    assert set(files) == {SEGMENTATION, REPORT, *KEY_IMAGES[:8], PROBABILITY, KEY_OBJECTS}


@pytest.mark.parametrize("kind", SEGMENTATION_KINDS)
def test_labels_read_back_the_same_whatever_the_orientation(tmp_path, kind):
    for number, direction in enumerate(SOME_DIRECTIONS):
        case = made_case(tmp_path / str(number), direction=direction, reversed_names=number % 2 == 0)
        voxels = replace(case.voxels, ct=None)
        content = dict(dicom_files(case.screening, voxels, case.source, DicomOptions(kind)))[SEGMENTATION]
        if kind == "fractional":  # occupancy of 0 or 1
            stored = read_object(content)
            assert np.count_nonzero(stored.pixel_array == 255) == np.count_nonzero(asymmetric_labels())
            continue
        assert np.array_equal(labels_read_back(content, case.source), asymmetric_labels())


def test_every_labeled_voxel_keeps_its_place_in_the_patient(tmp_path):
    for number, direction in enumerate(SOME_DIRECTIONS):
        case = made_case(tmp_path / str(number), direction=direction)
        voxels = replace(case.voxels, ct=None)
        content = dict(dicom_files(case.screening, voxels, case.source, DicomOptions()))[SEGMENTATION]
        read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(content))
        volume = read.get_volume(combine_segments=True, allow_missing_positions=True)
        found = volume.map_indices_to_reference(np.argwhere(np.asarray(volume.array) > 0))
        expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
        assert np.abs(in_order(found) - in_order(expected)).max() < 1e-3


@pytest.mark.parametrize("step", [1, -1])
def test_labels_of_a_multi_frame_ct_lie_on_its_frames_in_whatever_order_they_are_stored(tmp_path, step):
    case = multi_frame_case(tmp_path, direction=SOME_DIRECTIONS[1], step=step)
    source = case.source
    made = dict(dicom_files(case.screening, replace(case.voxels, ct=None), source, DicomOptions()))
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(made[SEGMENTATION]))
    positions = [frame.PlanePositionSequence[0] for frame in source.images[0].PerFrameFunctionalGroupsSequence]
    for frame in read.PerFrameFunctionalGroupsSequence:
        [image] = frame.DerivationImageSequence[0].SourceImageSequence
        named = positions[image.ReferencedFrameNumber - 1].ImagePositionPatient
        assert np.allclose(named, frame.PlanePositionSequence[0].ImagePositionPatient)
    volume = read.get_volume(combine_segments=True, allow_missing_positions=True)
    found = volume.map_indices_to_reference(np.argwhere(np.asarray(volume.array) > 0))
    expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
    assert np.abs(in_order(found) - in_order(expected)).max() < 1e-3
    assert read_object(made[REPORT]).StudyInstanceUID == source.images[0].StudyInstanceUID


def in_order(points):
    return points[np.lexsort(np.round(points, 2).T)]


def test_segments_and_groups_are_tied_by_tracking_identifiers_and_by_position(case, report, segmentation):
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(case.files()[SEGMENTATION]))
    [measurements] = [item for item in report.ContentSequence if code_of(item) == "126010"]
    assert len(measurements.ContentSequence) == len(segmentation.SegmentSequence) == 4
    for group, segment in zip(measurements.ContentSequence, segmentation.SegmentSequence, strict=True):
        named = {code_of(item): item for item in group.ContentSequence}
        assert segment.TrackingUID == named["112040"].UID
        assert named["112039"].TextValue == segment.TrackingID
        [reference] = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
        assert reference.ReferencedSOPSequence[0].ReferencedSegmentNumber == segment.SegmentNumber
        assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == segmentation.SOPInstanceUID
    numbers = read.get_pixels_by_source_instance(
        [image.SOPInstanceUID for image in case.source.images],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    geometry = case.voxels.ct.geometry
    for finding, segment in zip(case.screening.findings, segmentation.SegmentSequence[1:], strict=True):
        assert segment.TrackingID == f"Finding {finding.number}"
        z, y, x = np.rint(geometry.world_to_index(finding.inside_lps_mm)).astype(int)
        assert numbers[z, y, x] == segment.SegmentNumber


def test_findings_in_another_order_keep_their_own_voxels(case):
    swapped = replace(case.screening, findings=case.screening.findings[::-1])
    content = dict(dicom_files(swapped, replace(case.voxels, ct=None), case.source, DicomOptions()))
    voxels = [(group, value) for group, code, value in numbers_of(read_object(content[REPORT])) if code == "118565006"]
    expected = [case.screening.native_pancreas_volume_mm3, *(one.native_volume_mm3 for one in case.screening.findings)]
    assert [value for _, value in voxels] == pytest.approx(expected)


def test_numbers_are_those_of_the_json_to_the_last_digit(case, report):
    screening, found = case.screening, set(numbers_of(report))
    expected = {
        (0, "SCORE", screening.score),
        (0, "118565006", screening.native_pancreas_volume_mm3),
        (0, "RULE_VOXELS", screening.tumor_voxels),
        (0, "RULE_THRESHOLD", screening.protocol.decision.min_tumor_voxels),
    }
    for finding in screening.findings:
        expected |= {
            (finding.number, "118565006", finding.native_volume_mm3),
            (finding.number, "RULE_VOLUME", finding.volume_mm3),
            (finding.number, "L0JK", finding.longest_diameter_mm),
            (finding.number, "112031", finding.mean_hu),
            (finding.number, "NETWORK_OUTPUT", finding.mean_tumor_probability),
        }
    assert len(found) == len(expected)
    for number, wanted in zip(sorted(found), sorted(expected), strict=True):
        assert number[:2] == wanted[:2]
        assert number[2] == pytest.approx(wanted[2], rel=1e-12)  # DICOM writes 16 characters


def test_the_score_is_ours_and_no_code_of_a_probability_of_cancer(files, report):
    assert [
        item.ConceptNameCodeSequence[0].CodingSchemeDesignator for item in items_of(report) if code_of(item) == "SCORE"
    ] == ["99PDACSCREEN"]
    assert b"111047" not in files[REPORT]
    assert b"robability of cancer" not in files[REPORT]


@pytest.mark.parametrize("screening", ALL, ids=lambda one: one.outcome.value)
def test_every_outcome_has_a_report_and_only_results_claim_an_assessment(case, screening):
    voxels = ResultVoxels()
    if screening.outcome in JUDGED:
        labels = np.minimum(asymmetric_labels(), np.uint8(Label.TUMOR if screening.findings else Label.PANCREAS))
        voxels = ResultVoxels(label_map=LabelMap(labels, case.voxels.ct.geometry))
    made = dict(dicom_files(screening, voxels, case.source, DicomOptions()))
    report = read_object(made[REPORT])
    summaries = [item.ConceptCodeSequence[0].CodeValue for item in items_of(report) if code_of(item) == "111017"]
    assert summaries == [SUMMARIES.get(screening.outcome.value, "111245")]
    assert (SEGMENTATION in made) == (screening.outcome in JUDGED)
    comments = [item.TextValue for item in items_of(report) if code_of(item) == "121106"]
    assert screening.notice in comments[0]
    assert screening.reason in comments
    assert set(screening.warnings) <= set(comments)
    text = made[REPORT].decode("utf-8", "replace").replace("Abnormal", "").replace("not a normal result", "")
    assert "normal" not in text


def test_no_answer_carries_no_number(case):
    made = dict(dicom_files(INDETERMINATE, ResultVoxels(), case.source, DicomOptions()))
    assert set(made) == {REPORT}
    assert numbers_of(read_object(made[REPORT])) == []


def test_the_category_of_every_segment_is_one_of_todays_cid_7150(segmentation):
    todays = {code.value: code.meaning for code in codes.cid7150.concepts.values()}
    for segment in segmentation.SegmentSequence:
        [category] = segment.SegmentedPropertyCategoryCodeSequence
        assert category.CodingSchemeDesignator == "SCT"
        assert todays[category.CodeValue] == category.CodeMeaning


def test_a_finding_without_a_voxel_of_the_scans_grid_has_words_and_no_segment(case):
    ghost = replace(case.screening.findings[0], number=4, inside_lps_mm=(900.0, 0.0, 0.0), native_volume_mm3=0.0)
    screening = replace(case.screening, findings=(*case.screening.findings, ghost))
    made = dict(dicom_files(screening, replace(case.voxels, ct=None), case.source, DicomOptions()))
    assert len(read_object(made[SEGMENTATION]).SegmentSequence) == 4
    comments = [item.TextValue for item in items_of(read_object(made[REPORT])) if code_of(item) == "121106"]
    assert any("Finding 4 has no voxel" in comment for comment in comments)


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_label_map_has_no_segmentation_object(case, count):
    labels = np.zeros_like(asymmetric_labels())
    labels[0, 0, :count] = Label.PANCREAS
    voxels = ResultVoxels(label_map=LabelMap(labels, case.voxels.ct.geometry))
    made = dict(dicom_files(replace(SUSPICIOUS, findings=()), voxels, case.source, DicomOptions()))
    assert (SEGMENTATION in made) == bool(count)


def test_more_than_255_segments_keep_their_voxels(tmp_path):
    labels = np.zeros((3, 36, 36), np.uint8)
    labels[1, ::2, ::2] = Label.TUMOR
    case = made_case(tmp_path, labels=labels)
    made = dict(dicom_files(case.screening, replace(case.voxels, ct=None), case.source, DicomOptions()))
    assert len(read_object(made[SEGMENTATION]).SegmentSequence) == 324
    assert np.array_equal(labels_read_back(made[SEGMENTATION], case.source), labels)


def without_dates(content):
    dataset = read_object(content)
    for item in list(dataset.iterall()):
        if item.VR in ("DA", "TM", "DT"):
            item.value = None
    buffer = pydicom.filebase.DicomBytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_the_same_result_twice_is_the_same_bytes_but_for_dates(case, files):
    again = case.files(ALL_OF_THEM)
    assert {name: without_dates(content) for name, content in again.items()} == {
        name: without_dates(content) for name, content in files.items()
    }


def identifiers(made):
    return {name: read_object(content).SOPInstanceUID for name, content in made.items()}


def test_every_identifier_is_valid_and_no_two_objects_share_one(files):
    found = list(identifiers(files).values())
    assert len(set(found)) == len(files)
    assert all(UID(uid).is_valid for uid in found)


def other_results(case):
    screening, voxels = replace(case.screening), replace(case.voxels, ct=None)
    provenance, model = screening.provenance, screening.model
    labels = case.voxels.label_map.labels.copy()
    labels[2, 4, 3] = Label.BACKGROUND
    moved = replace(voxels, label_map=LabelMap(labels, case.voxels.ct.geometry))
    yield "weights", replace(screening, model=replace(model, weights_sha256="12" * 32)), voxels, DicomOptions()
    yield "config", replace(screening, provenance=replace(provenance, config_sha256="34" * 32)), voxels, DicomOptions()
    yield (
        "version",
        replace(screening, provenance=replace(provenance, software="PDACScreening 9")),
        voxels,
        DicomOptions(),
    )
    yield "score", replace(screening, score=0.5), voxels, DicomOptions()
    yield "warning", replace(screening, warnings=("new",)), voxels, DicomOptions()
    yield "one voxel", screening, moved, DicomOptions()
    yield "storage", screening, voxels, DicomOptions("labelmap")


def test_whatever_differs_makes_another_object_and_a_second_run_does_not(case):
    first = identifiers(dict(dicom_files(case.screening, replace(case.voxels, ct=None), case.source, DicomOptions())))
    later = replace(case.screening.provenance, started_utc="2027-01-01T00:00:00+00:00", device="cuda", versions={})
    again = replace(case.screening, provenance=later, timings_s={"reading": 99.0})
    same = identifiers(dict(dicom_files(again, replace(case.voxels, ct=None), case.source, DicomOptions())))
    assert same == first
    for name, screening, voxels, options in other_results(case):
        found = identifiers(dict(dicom_files(screening, voxels, case.source, options)))
        assert not set(found.values()) & set(first.values()), name


def test_late_slices_make_another_report(case):
    fewer = SeriesSource(case.source.images[:-1])
    reports = [
        dict(dicom_files(INDETERMINATE, ResultVoxels(), source, DicomOptions())) for source in (case.source, fewer)
    ]
    assert identifiers(reports[0]) != identifiers(reports[1])


def test_parts_of_an_identifier_are_kept_apart():
    assert stable_uid("1", "12") != stable_uid("11", "2")
    assert len(stable_uid("1")) <= 64
    assert UID(stable_uid("1")).is_valid


def test_an_edited_result_is_a_new_object_that_names_its_reader_and_the_report_before_it(case, files):
    labels = case.voxels.label_map.labels.copy()
    labels[7, 12, 9] = Label.PANCREAS  # of finding 2
    made = edited(case, labels)
    report, before = read_object(made[REPORT]), identifiers(files)
    assert not set(identifiers(made).values()) & set(before.values())
    [predecessor] = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert predecessor.ReferencedSOPInstanceUID == before[REPORT]
    [observer] = [item for item in items_of(report) if code_of(item) == "121008"]
    assert str(observer.PersonName) == "Muster^Eva"
    kinds = {one.TrackingID: one.SegmentAlgorithmType for one in read_object(made[SEGMENTATION]).SegmentSequence}
    assert kinds == {
        "Pancreas": "SEMIAUTOMATIC",
        "Finding 1": "AUTOMATIC",
        "Finding 2": "SEMIAUTOMATIC",
        "Finding 3": "AUTOMATIC",
    }


def test_the_ai_alone_is_automatic_and_names_no_person(report, segmentation):
    assert {segment.SegmentAlgorithmType for segment in segmentation.SegmentSequence} == {"AUTOMATIC"}
    assert not [item for item in items_of(report) if code_of(item) == "121008"]
    assert "PredecessorDocumentsSequence" not in report


def test_another_reader_makes_another_object(case):
    labels = case.voxels.label_map.labels.copy()
    labels[7, 12, 9] = Label.PANCREAS
    assert identifiers(edited(case, labels)) != identifiers(edited(case, labels, reader="Other^Reader"))


def test_labels_that_were_not_edited_are_no_edited_result(case):
    with pytest.raises(ValueError, match="nothing was edited"):
        edited(case, case.voxels.label_map.labels.copy())


@pytest.mark.parametrize("name", ["", "  ", "a\\b", "a=b", "x" * 65, "a\nb"])
def test_a_readers_name_that_dicom_cannot_hold_is_refused(name):
    with pytest.raises(ValueError, match="reader's name"):
        Edit(name)


def test_objects_lie_in_the_patients_study_with_the_patients_words(case, files):
    for name, content in files.items():
        dataset = read_object(content)
        assert dataset.StudyInstanceUID == case.source.images[0].StudyInstanceUID, name
        assert str(dataset.PatientName) == PATIENT["PatientName"], name
        assert dataset.PatientID == PATIENT["PatientID"], name
        assert dataset.AccessionNumber == PATIENT["AccessionNumber"], name
        assert dataset.SeriesInstanceUID != case.source.series_uid, name


def test_a_deidentified_scan_has_deidentified_results(tmp_path):
    fields = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"}
    case = made_case(tmp_path, **fields)
    for content in case.files().values():
        dataset = read_object(content)
        assert (dataset.PatientIdentityRemoved, dataset.DeidentificationMethod) == ("YES", "by hand")


def test_identifiers_of_the_patient_are_in_the_patients_attributes_and_nowhere_else(files):
    for name, content in files.items():
        dataset = read_object(content)
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID"):
            delattr(dataset, keyword)
        rest = str(dataset)
        for word in ("rfler", "MRN12345", "19500101", "ACC678"):
            assert word not in rest, (name, word)
        assert not [element for element in dataset.iterall() if element.tag.is_private], name


def test_key_images_say_that_nothing_identifying_is_burned_in_and_carry_the_notice(files):
    sizes = set()
    for name in KEY_IMAGES[:8]:
        capture = read_object(files[name])
        assert capture.BurnedInAnnotation == "NO"
        assert capture.Modality == "OT" or capture.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
        sizes.add(capture.pixel_array.shape)
        assert capture.pixel_array[-18:].max() == 255, "the line of notice"
    assert sizes == {(500, 480, 3)}


def test_every_object_says_research_use(files):
    for name, content in files.items():
        assert b"Research use only" in content or b"research use only" in content, name


def test_the_probability_is_a_map_of_the_networks_output(case, files):
    dataset = read_object(files[PROBABILITY])
    assert (dataset.SegmentationType, dataset.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    stored = np.round(0.9 * 255)
    assert np.count_nonzero(dataset.pixel_array == stored) == case.voxels.label_map.count(Label.TUMOR)


def test_key_objects_are_the_slices_through_the_findings(case, files):
    dataset = read_object(files[KEY_OBJECTS])
    named = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in items_of(dataset)
        if item.ValueType == "IMAGE"
    ]
    geometry = case.voxels.ct.geometry
    planes = {round(float(geometry.world_to_index(found.inside_lps_mm)[0])) for found in case.screening.findings}
    assert named == [case.source.instance_uids[plane] for plane in sorted(planes)]


def large_case():
    """512 x 512 x 600 with an ellipsoid of pancreas and a mass in it, made plane by plane."""
    labels = np.zeros((600, 512, 512), np.uint8)
    y, x = np.ogrid[:512, :512]
    for z in range(600):
        labels[z][((z - 300) / 60) ** 2 + ((y - 256) / 40) ** 2 + ((x - 256) / 90) ** 2 < 1] = Label.PANCREAS
        labels[z][((z - 300) / 15) ** 2 + ((y - 256) / 20) ** 2 + ((x - 200) / 20) ** 2 < 1] = Label.TUMOR
    return LabelMap(labels, Geometry(labels.shape, (0.8, 0.8, 1.0), (-200.0, -200.0, 0.0)))


def large_source(tmp_path, geometry):
    """One header a slice, copied from a small case."""
    template = made_case(tmp_path).source.images[0]
    images = []
    for z in range(geometry.shape[0]):
        image = copy.deepcopy(template)
        image.Rows, image.Columns, image.PixelSpacing = 512, 512, [0.8, 0.8]
        image.ImagePositionPatient = [-200.0, -200.0, float(z)]
        image.SOPInstanceUID, image.InstanceNumber = generate_uid(entropy_srcs=[f"large/{z}"]), z + 1
        images.append(image)
    return SeriesSource(tuple(images))


@pytest.mark.slow
def test_600_slices_take_3_cpu_seconds_and_300_mib_and_the_report_200_kb(tmp_path):
    label_map = large_case()
    source = large_source(tmp_path, label_map.geometry)
    screening = replace(SUSPICIOUS, findings=(replace(SUSPICIOUS.findings[0], inside_lps_mm=(-40.0, 4.8, 300.0)),))

    def write():
        return dict(dicom_files(screening, ResultVoxels(label_map=label_map), source, DicomOptions()))

    started = time.process_time()
    made = write()
    seconds = time.process_time() - started
    tracemalloc.start()
    write()
    mib = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert len(made[REPORT]) <= 200_000
    assert np.array_equal(labels_read_back(made[SEGMENTATION], source)[200:400:25], label_map.labels[200:400:25])
    # Asked for are 300 MiB, which planes without a label would take by themselves.
    assert (seconds <= 3, mib <= 200) == (True, True), f"{seconds:.2f} CPU s, {mib:.0f} MiB"


def test_nothing_of_highdicom_is_loaded_before_it_is_asked_for():
    code = (
        "import sys, PDACScreeningLib.session.scan_run, PDACScreeningLib.commands.screen; "
        "sys.exit('highdicom' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
