"""The same result is one DICOM object, another or an edited one is another, and each names what came before it."""

from dataclasses import replace

import pydicom
import pytest
from dicom_cases import ALL_OF_THEM, code_of, edited, items_of, read_object
from pydicom.uid import UID
from sample_screenings import INDETERMINATE

from PDACScreeningLib.dicom.identifiers import stable_uid
from PDACScreeningLib.dicom.object_files import REPORT, SEGMENTATION
from PDACScreeningLib.dicom.options import DicomOptions, Edit
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files
from PDACScreeningLib.scan_files.series_source import SeriesSource
from PDACScreeningLib.volume.label_map import Label, LabelMap


def without_dates(content):
    dataset = read_object(content)
    for item in list(dataset.iterall()):
        if item.VR in ("DA", "TM", "DT"):
            item.value = None
    buffer = pydicom.filebase.DicomBytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_the_same_result_twice_is_the_same_bytes_but_for_dates(dicom_case, dicom_objects):
    again = dicom_case.files(ALL_OF_THEM)
    assert {name: without_dates(content) for name, content in again.items()} == {
        name: without_dates(content) for name, content in dicom_objects.items()
    }


def identifiers(made):
    return {name: read_object(content).SOPInstanceUID for name, content in made.items()}


def test_every_identifier_is_valid_and_no_two_objects_share_one(dicom_objects):
    found = list(identifiers(dicom_objects).values())
    assert len(set(found)) == len(dicom_objects)
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


def test_whatever_differs_makes_another_object_and_a_second_run_does_not(dicom_case):
    first = identifiers(
        dict(dicom_files(dicom_case.screening, replace(dicom_case.voxels, ct=None), dicom_case.source, DicomOptions()))
    )
    later = replace(
        dicom_case.screening.provenance, started_utc="2027-01-01T00:00:00+00:00", device="cuda", versions={}
    )
    again = replace(dicom_case.screening, provenance=later, timings_s={"reading": 99.0})
    same = identifiers(dict(dicom_files(again, replace(dicom_case.voxels, ct=None), dicom_case.source, DicomOptions())))
    assert same == first
    for name, screening, voxels, options in other_results(dicom_case):
        found = identifiers(dict(dicom_files(screening, voxels, dicom_case.source, options)))
        assert not set(found.values()) & set(first.values()), name


def test_late_slices_make_another_report(dicom_case):
    fewer = SeriesSource(dicom_case.source.images[:-1])
    reports = [
        dict(dicom_files(INDETERMINATE, ResultVoxels(), source, DicomOptions()))
        for source in (dicom_case.source, fewer)
    ]
    assert identifiers(reports[0]) != identifiers(reports[1])


def test_parts_of_an_identifier_are_kept_apart():
    assert stable_uid("1", "12") != stable_uid("11", "2")
    assert len(stable_uid("1")) <= 64
    assert UID(stable_uid("1")).is_valid


def test_an_edited_result_is_a_new_object_that_names_its_reader_and_the_report_before_it(dicom_case, dicom_objects):
    labels = dicom_case.voxels.label_map.labels.copy()
    labels[7, 12, 9] = Label.PANCREAS  # of finding 2
    made = edited(dicom_case, labels)
    report, before = read_object(made[REPORT]), identifiers(dicom_objects)
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


def test_the_ai_alone_is_automatic_and_names_no_person(dicom_report, dicom_segmentation):
    assert {segment.SegmentAlgorithmType for segment in dicom_segmentation.SegmentSequence} == {"AUTOMATIC"}
    assert not [item for item in items_of(dicom_report) if code_of(item) == "121008"]
    assert "PredecessorDocumentsSequence" not in dicom_report


def test_another_reader_makes_another_object(dicom_case):
    labels = dicom_case.voxels.label_map.labels.copy()
    labels[7, 12, 9] = Label.PANCREAS
    assert identifiers(edited(dicom_case, labels)) != identifiers(edited(dicom_case, labels, reader="Other^Reader"))


def test_labels_that_were_not_edited_are_no_edited_result(dicom_case):
    with pytest.raises(ValueError, match="nothing was edited"):
        edited(dicom_case, dicom_case.voxels.label_map.labels.copy())


@pytest.mark.parametrize("name", ["", "  ", "a\\b", "a=b", "x" * 65, "a\nb"])
def test_a_readers_name_that_dicom_cannot_hold_is_refused(name):
    with pytest.raises(ValueError, match="reader's name"):
        Edit(name)
