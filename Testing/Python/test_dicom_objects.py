"""DICOM objects of a result: what they say, whose they are, and which identifiers they have."""

import copy
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from dicom_cases import (
    PATIENT,
    asymmetric_labels,
    code_of,
    items_of,
    labels_read_back,
    made_case,
    numbers_of,
    read_object,
)
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from sample_screenings import ALL, INDETERMINATE, SUSPICIOUS

from PDACScreeningLib.dicom.object_files import KEY_IMAGES, KEY_OBJECTS, PROBABILITY, REPORT, SEGMENTATION
from PDACScreeningLib.dicom.options import DicomOptions
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files
from PDACScreeningLib.outcome import JUDGED
from PDACScreeningLib.scan_files.series_source import SeriesSource
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

SUMMARIES = {"SUSPICIOUS": "111242", "NOT_SUSPICIOUS": "111241"}


def test_a_result_has_segmentation_report_and_key_images_and_what_else_was_asked_for(dicom_case, dicom_objects):
    assert set(dicom_case.files()) == {SEGMENTATION, REPORT, *KEY_IMAGES[:8]}
    assert set(dicom_objects) == {SEGMENTATION, REPORT, *KEY_IMAGES[:8], PROBABILITY, KEY_OBJECTS}


def test_numbers_are_those_of_the_json_to_the_last_digit(dicom_case, dicom_report):
    screening, found = dicom_case.screening, set(numbers_of(dicom_report))
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


def test_the_score_is_ours_and_no_code_of_a_probability_of_cancer(dicom_objects, dicom_report):
    assert [
        item.ConceptNameCodeSequence[0].CodingSchemeDesignator
        for item in items_of(dicom_report)
        if code_of(item) == "SCORE"
    ] == ["99PDACSCREEN"]
    assert b"111047" not in dicom_objects[REPORT]
    assert b"robability of cancer" not in dicom_objects[REPORT]


@pytest.mark.parametrize("screening", ALL, ids=lambda one: one.outcome.value)
def test_every_outcome_has_a_report_and_only_results_claim_an_assessment(dicom_case, screening):
    voxels = ResultVoxels()
    if screening.outcome in JUDGED:
        labels = np.minimum(asymmetric_labels(), np.uint8(Label.TUMOR if screening.findings else Label.PANCREAS))
        voxels = ResultVoxels(label_map=LabelMap(labels, dicom_case.voxels.ct.geometry))
    made = dict(dicom_files(screening, voxels, dicom_case.source, DicomOptions()))
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


def test_no_answer_carries_no_number(dicom_case):
    made = dict(dicom_files(INDETERMINATE, ResultVoxels(), dicom_case.source, DicomOptions()))
    assert set(made) == {REPORT}
    assert numbers_of(read_object(made[REPORT])) == []


def test_the_category_of_every_segment_is_one_of_todays_cid_7150(dicom_segmentation):
    todays = {code.value: code.meaning for code in codes.cid7150.concepts.values()}
    for segment in dicom_segmentation.SegmentSequence:
        [category] = segment.SegmentedPropertyCategoryCodeSequence
        assert category.CodingSchemeDesignator == "SCT"
        assert todays[category.CodeValue] == category.CodeMeaning


def test_objects_lie_in_the_patients_study_with_the_patients_words(dicom_case, dicom_objects):
    for name, content in dicom_objects.items():
        dataset = read_object(content)
        assert dataset.StudyInstanceUID == dicom_case.source.images[0].StudyInstanceUID, name
        assert str(dataset.PatientName) == PATIENT["PatientName"], name
        assert dataset.PatientID == PATIENT["PatientID"], name
        assert dataset.AccessionNumber == PATIENT["AccessionNumber"], name
        assert dataset.SeriesInstanceUID != dicom_case.source.series_uid, name


def test_a_deidentified_scan_has_deidentified_results(tmp_path):
    fields = {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"}
    case = made_case(tmp_path, **fields)
    for content in case.files().values():
        dataset = read_object(content)
        assert (dataset.PatientIdentityRemoved, dataset.DeidentificationMethod) == ("YES", "by hand")


def test_identifiers_of_the_patient_are_in_the_patients_attributes_and_nowhere_else(dicom_objects):
    for name, content in dicom_objects.items():
        dataset = read_object(content)
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID"):
            delattr(dataset, keyword)
        rest = str(dataset)
        for word in ("rfler", "MRN12345", "19500101", "ACC678"):
            assert word not in rest, (name, word)
        assert not [element for element in dataset.iterall() if element.tag.is_private], name


def test_key_images_say_that_nothing_identifying_is_burned_in_and_carry_the_notice(dicom_objects):
    sizes = set()
    for name in KEY_IMAGES[:8]:
        capture = read_object(dicom_objects[name])
        assert capture.BurnedInAnnotation == "NO"
        assert capture.Modality == "OT" or capture.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
        sizes.add(capture.pixel_array.shape)
        assert capture.pixel_array[-18:].max() == 255, "the line of notice"
    assert sizes == {(500, 480, 3)}


def test_every_object_says_research_use(dicom_objects):
    for name, content in dicom_objects.items():
        assert b"Research use only" in content or b"research use only" in content, name


def test_the_probability_is_a_map_of_the_networks_output(dicom_case, dicom_objects):
    dataset = read_object(dicom_objects[PROBABILITY])
    assert (dataset.SegmentationType, dataset.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    stored = np.round(0.9 * 255)
    assert np.count_nonzero(dataset.pixel_array == stored) == dicom_case.voxels.label_map.count(Label.TUMOR)


def test_key_objects_are_the_slices_through_the_findings(dicom_case, dicom_objects):
    dataset = read_object(dicom_objects[KEY_OBJECTS])
    named = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in items_of(dataset)
        if item.ValueType == "IMAGE"
    ]
    geometry = dicom_case.voxels.ct.geometry
    planes = {round(float(geometry.world_to_index(found.inside_lps_mm)[0])) for found in dicom_case.screening.findings}
    assert named == [dicom_case.source.instance_uids[plane] for plane in sorted(planes)]


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
