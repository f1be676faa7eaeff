"""What validators and readers of others say of our objects: no error, the same labels, the same numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from conftest import errors_of_dciodvfy, errors_of_pixelmed, program, read_by_dcmjs, run
from dicom_cases import (
    asymmetric_labels,
    code_of,
    directions,
    edited,
    labels_read_back,
    made_case,
    multi_frame_case,
    numbers_of,
    read_object,
)
from sample_screenings import ALL

from PDACScreeningLib.dicom.object_files import REPORT, SEGMENTATION
from PDACScreeningLib.dicom.options import DicomOptions
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files
from PDACScreeningLib.outcome import JUDGED
from PDACScreeningLib.volume.label_map import Label

EVERYTHING = DicomOptions(probability=True, key_objects=True)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return made_case(tmp_path_factory.mktemp("series"))


@pytest.mark.parametrize("kind", ["binary", "fractional"])
def test_dciodvfy_finds_no_error_in_any_object(case, written, kind):
    paths = written(case.files(DicomOptions(kind, probability=True, key_objects=True)))
    assert len(paths) == 12
    assert {name: errors_of_dciodvfy(path) for name, path in paths.items()} == dict.fromkeys(paths, [])


def test_dciodvfy_finds_an_error_where_there_is_one(case, written):
    broken = read_object(case.files()[SEGMENTATION])
    del broken.SegmentSequence[0].SegmentedPropertyCategoryCodeSequence
    [path] = written({SEGMENTATION: b""}).values()
    broken.save_as(path)
    assert errors_of_dciodvfy(path)


def reports(case):
    """Reports of every outcome, with and without a segmentation, and an edited one."""
    for screening in ALL:
        voxels = ResultVoxels()
        if screening.outcome in JUDGED:
            voxels = ResultVoxels(label_map=case.voxels.label_map)
        yield screening.outcome.value, dict(dicom_files(screening, voxels, case.source, DicomOptions()))[REPORT]
    labels = case.voxels.label_map.labels.copy()
    labels[7, 12, 9] = Label.PANCREAS
    yield "edited", edited(case, labels)[REPORT]


def test_every_report_is_valid_for_dciodvfy_and_readable_for_dsr2html(case, written):
    for name, content in reports(case):
        [path] = written({f"{name}.dcm": content}).values()
        assert errors_of_dciodvfy(path) == [], name
        assert "Imaging Measurement Report" in run(program("dsr2html"), path)


@pytest.mark.parametrize("name", ["SUSPICIOUS", "INDETERMINATE", "edited"])
def test_pixelmed_finds_no_error_in_a_report(case, written, name):
    [path] = written({"report.dcm": dict(reports(case))[name]}).values()
    assert errors_of_pixelmed(path) == []


def test_pixelmed_finds_an_error_where_there_is_one(case, written):
    broken = read_object(dict(reports(case))["INDETERMINATE"])
    [procedure] = [item for item in broken.ContentSequence if code_of(item) == "121058"]
    procedure.ConceptCodeSequence[0].CodeValue = "1-2"
    [path] = written({"report.dcm": b""}).values()
    broken.save_as(path)
    assert errors_of_pixelmed(path)


def test_dcmqi_reads_the_numbers_of_the_screening(case, written, tmp_path):
    paths = written(case.files())
    run(program("tid1500reader"), "--inputDICOM", paths[REPORT], "--outputMetadata", tmp_path / "read.json")
    read = json.loads((tmp_path / "read.json").read_text(encoding="utf-8"))
    found = [
        (item["quantity"]["CodeValue"], float(item["value"]))
        for group in read["Measurements"]
        for item in group["measurementItems"]
    ]
    expected = [(code, value) for _, code, value in numbers_of(read_object(case.files()[REPORT]))]
    assert len(found) == len(expected) == 19
    for one, two in zip(sorted(found), sorted(expected), strict=True):
        assert one[0] == two[0]
        assert one[1] == pytest.approx(two[1], rel=1e-12)


def test_dcmjs_reads_the_numbers_of_the_screening(case, written):
    [read] = read_by_dcmjs(written(case.files())[REPORT])
    expected = [(code, value) for _, code, value in numbers_of(read_object(case.files()[REPORT]))]
    assert sorted(map(tuple, read["numbers"])) == sorted(expected)


def points_of_dcmqi(path, folder):
    """(n, 3): where dcmqi places every labeled voxel, in LPS mm."""
    run(
        program("segimage2itkimage"),
        *("--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nrrd", "--prefix", "read"),
    )
    points = []
    for file in sorted(folder.glob("read-*.nrrd")):
        image = sitk.ReadImage(str(file))
        for index in np.argwhere(sitk.GetArrayFromImage(image) > 0):
            points.append(image.TransformIndexToPhysicalPoint([int(value) for value in index[::-1]]))
    return np.array(points)


def labels_of_dcmjs(read, source):
    """(z, y, x) values of Label, from what dcmjs read."""
    labels = np.zeros(asymmetric_labels().shape, np.uint8)
    plane_of = {uid: z for z, uid in enumerate(source.instance_uids)}
    for uid, number, voxels, _frame in read["frames"]:
        label = Label.PANCREAS if read["segments"][number - 1] == "Pancreas" else Label.TUMOR
        labels[plane_of[uid]].ravel()[voxels] = label
    return labels


def sorted_points(points):
    return points[np.lexsort(np.round(points, 2).T)]


def test_labels_are_the_same_for_highdicom_dcmqi_and_dcmjs_in_24_axis_orders_and_6_oblique_ones(tmp_path):
    paths, cases = [], []
    for number, direction in enumerate(directions()):
        folder = tmp_path / str(number)
        case = made_case(folder / "ct", direction=direction, reversed_names=number % 2 == 0, probability=False)
        voxels = ResultVoxels(label_map=case.voxels.label_map)
        content = dict(dicom_files(case.screening, voxels, case.source, DicomOptions()))[SEGMENTATION]
        assert np.array_equal(labels_read_back(content, case.source), asymmetric_labels())
        (folder / SEGMENTATION).write_bytes(content)
        expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
        found = points_of_dcmqi(folder / SEGMENTATION, folder)
        assert len(found) == len(expected)
        assert np.abs(sorted_points(found) - sorted_points(expected)).max() < 1e-2
        paths.append(folder / SEGMENTATION)
        cases.append(case)
    assert len(paths) == 30
    for read, case in zip(read_by_dcmjs(*paths), cases, strict=True):
        assert np.array_equal(labels_of_dcmjs(read, case.source), asymmetric_labels())


@pytest.mark.parametrize("step", [1, -1])
def test_labels_of_a_multi_frame_ct_are_the_same_for_highdicom_and_dcmqi_and_valid(tmp_path, written, step):
    case = multi_frame_case(tmp_path, direction=list(directions())[-1], step=step)
    paths = written(dict(dicom_files(case.screening, replace(case.voxels, ct=None), case.source, DicomOptions())))
    assert {name: errors_of_dciodvfy(path) for name, path in paths.items()} == {SEGMENTATION: [], REPORT: []}
    expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
    found = points_of_dcmqi(paths[SEGMENTATION], tmp_path)
    assert np.abs(sorted_points(found) - sorted_points(expected)).max() < 1e-2


def test_dcmqi_reads_the_labelmap_segmentation_too(case, written, tmp_path):
    path = written(case.files(DicomOptions("labelmap")))[SEGMENTATION]
    expected = case.voxels.ct.geometry.index_to_world(np.argwhere(asymmetric_labels() > 0).astype(float))
    found = points_of_dcmqi(path, tmp_path)
    assert np.abs(sorted_points(found) - sorted_points(expected)).max() < 1e-2
