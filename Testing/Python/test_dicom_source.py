"""`screen --dicom-source`: a file gets the DICOM results of the series that it was made from, and of no other."""

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_cases import labels_read_back, read_object
from dicom_runs import refusal, screen
from sample_screenings import SUSPICIOUS

from PDACScreeningLib.dicom.object_files import SEGMENTATION
from PDACScreeningLib.scan_files.image_io import read_ct_file, write_volume
from PDACScreeningLib.scan_files.series_reader import read_series
from PDACScreeningLib.scan_files.series_source import read_series_source
from PDACScreeningLib.session import answer as answers
from PDACScreeningLib.session import dicom_results
from PDACScreeningLib.session.screener import ScanRequest
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap

pytestmark = pytest.mark.usefixtures("without_pictures")


def test_a_file_without_its_series_has_no_dicom_results(ct_file, label_models, tmp_path):
    screen(ct_file, tmp_path, label_models / "TUMOR", "--dicom-out")
    assert "--dicom-source" in refusal(tmp_path)


def test_a_folder_of_the_source_that_is_not_there_is_told_before_anything_starts(ct_file, label_models, tmp_path):
    missing = ("--dicom-source", str(tmp_path / "missing"))
    assert screen(ct_file, tmp_path / "out", label_models / "TUMOR", *missing) == 2
    assert not (tmp_path / "out").exists()


def stored_backwards(ct_file, path):
    """The same scan in a file with rows and slices the other way round, as converters write it."""
    volume = read_ct_file(ct_file).volume
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction)
    sitk.WriteImage(sitk.Flip(image, (False, True, True)), str(path))
    return path


def test_a_file_gets_the_results_of_the_series_it_was_made_from(ct_file, ct_series, label_models, tmp_path):
    other = stored_backwards(ct_file, tmp_path / "other.nii.gz")
    for scan, output in ((ct_series, "direct"), (other, "through")):
        options = ("--dicom-out",) if scan is ct_series else ("--dicom-source", str(ct_series))
        assert screen(scan, tmp_path / output, label_models / "TUMOR", *options) == 0
    one, two = (read_object((tmp_path / output / SEGMENTATION).read_bytes()) for output in ("direct", "through"))
    assert np.array_equal(one.pixel_array, two.pixel_array)
    references = [
        [frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID for frame in frames]
        for frames in (one.PerFrameFunctionalGroupsSequence, two.PerFrameFunctionalGroupsSequence)
    ]
    assert references[0] == references[1]


def test_labels_of_a_file_that_is_stored_backwards_lie_on_their_own_slices(ct_series):
    volume = read_series(ct_series).volume
    labels = np.zeros(volume.geometry.shape, np.uint8)
    labels[2:5, 10:20, 4:9], labels[3, 12:14, 5] = Label.PANCREAS, Label.TUMOR
    z, y, _ = labels.shape
    origin = tuple(volume.geometry.index_to_world((z - 1.0, y - 1.0, 0.0)).tolist())
    direction = tuple((volume.geometry.axes * (1.0, -1.0, -1.0)).ravel().tolist())
    backwards = Geometry(labels.shape, volume.geometry.spacing_mm, origin, direction)
    ct = CTVolume(np.ascontiguousarray(volume.hu[::-1, ::-1]), backwards)
    label_map = LabelMap(np.ascontiguousarray(labels[::-1, ::-1]), backwards)
    answer = answers.Answer(SUSPICIOUS, ct, label_map)
    made = dicom_results.with_dicom_results(answer, ScanRequest("scan.nii.gz", dicom_source=str(ct_series)))
    source = read_series_source(read_series(ct_series).slices)
    assert np.array_equal(labels_read_back(dict(made.dicom_files)[SEGMENTATION], source), labels)


def changed_scan(ct_file, path, *, hu=0, shift_mm=0.0, slices=None):
    volume = read_ct_file(ct_file).volume
    voxels = volume.hu[:slices].copy()
    voxels[3, 20, 20] += hu
    origin = tuple(mm + shift_mm for mm in volume.geometry.origin_mm)
    geometry = type(volume.geometry)(voxels.shape, volume.geometry.spacing_mm, origin, volume.geometry.direction)
    return write_volume(CTVolume(voxels, geometry).hu, geometry, path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hu": 1}, "Hounsfield units differ"),
        ({"shift_mm": 0.3}, "lies elsewhere"),
        ({"slices": 23}, "number of voxels"),
    ],
)
def test_a_series_of_another_scan_is_not_taken(ct_file, ct_series, label_models, tmp_path, changes, words):
    other = changed_scan(ct_file, tmp_path / "other.nii.gz", **changes)
    screen(other, tmp_path / "out", label_models / "TUMOR", "--dicom-source", str(ct_series))
    assert words in refusal(tmp_path / "out")
