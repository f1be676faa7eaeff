"""A true Enhanced CT, written without our reader: are its labels where its own headers say, for every reader?"""

from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from conftest import errors_of_dciodvfy, read_by_dcmjs
from dicom_cases import SHAPE, asymmetric_labels, directions, screened
from enhanced_ct import enhanced_ct
from sample_screenings import SUSPICIOUS
from test_dicom_validators import points_of_dcmqi, sorted_points

from PDACScreeningLib.dicom.object_files import REPORT, SEGMENTATION
from PDACScreeningLib.dicom.options import DicomOptions
from PDACScreeningLib.dicom.results import ResultVoxels, dicom_files
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.scan_files.series_source import read_series_source
from PDACScreeningLib.volume.label_map import Label, LabelMap

TISSUE_HU = {Label.BACKGROUND: 40, Label.PANCREAS: 65, Label.TUMOR: 90}
SPACING_MM = (4.0, 3.0, 5.0)
ORDERS = {"upwards": slice(None), "downwards": slice(None, None, -1), "shuffled": None}


class Written:
    """A file whose Hounsfield units are its labels, and where each labeled voxel lies by its own arithmetic."""

    def __init__(self, path, direction, order):
        self.path, self.labels = path, asymmetric_labels()
        noise = np.random.default_rng(0).integers(-9, 10, SHAPE)  # less than half of what tells the labels apart
        hu = np.vectorize(TISSUE_HU.get)(self.labels).astype(int) + noise
        hu[:, :2], hu[:, -2:], hu[..., :1], hu[..., -2:] = -990, -990, -990, -990  # air around the body
        self.hu = hu.astype(np.int16)
        row, column, normal = direction.T
        first = np.array([-30.5, 12.25, 900.0])
        self.positions = first + np.outer(np.arange(SHAPE[0]) * SPACING_MM[2], normal)
        self._step_mm = row * SPACING_MM[0], column * SPACING_MM[1]
        frames = np.arange(SHAPE[0])
        frames = np.random.default_rng(1).permutation(frames) if ORDERS[order] is None else frames[ORDERS[order]]
        self.frames = frames
        image = enhanced_ct(self.hu, self.positions, [*row, *column], SPACING_MM, frames)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save_as(path, enforce_file_format=True)

    def points(self, indices):
        """(n, 3) mm of indices (n, 3) in the order (z, y, x)."""
        z, y, x = np.asarray(indices).T
        return self.positions[z] + np.outer(x, self._step_mm[0]) + np.outer(y, self._step_mm[1])


def results(written):
    """Segmentation and report of labels that were read off the Hounsfield units of our own reader."""
    read = read_scan(written.path)
    hu = read.volume.hu
    labels = np.select([hu > 77, hu > 52], [Label.TUMOR, Label.PANCREAS], Label.BACKGROUND).astype(np.uint8)
    label_map = LabelMap(labels, read.volume.geometry)
    screening = replace(screened(SUSPICIOUS, label_map, read.volume), warnings=())
    source = read_series_source(read.slices)
    return dict(dicom_files(screening, ResultVoxels(label_map=label_map), source, DicomOptions()))


def points_of_highdicom(content):
    read = highdicom.seg.segread(pydicom.filebase.DicomBytesIO(content))
    volume = read.get_volume(combine_segments=True, allow_missing_positions=True)
    indices = np.argwhere(np.asarray(volume.array) > 0)
    return np.asarray(volume.map_indices_to_reference(indices))


def points_of_dcmjs(path, written):
    """By the number of the source's frame that each frame of the segmentation names."""
    [read] = read_by_dcmjs(path)
    points = []
    for _, _, voxels, frame in read["frames"]:
        z = written.frames[int(frame) - 1]
        points.append(written.points([(z, *divmod(voxel, SHAPE[2])) for voxel in voxels]))
    return np.concatenate(points)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("number", [0, 5, 17, 24, 29])
def test_labels_of_an_enhanced_ct_lie_where_its_headers_say_for_highdicom_dcmqi_and_dcmjs(tmp_path, number, order):
    written = Written(tmp_path / "ct" / "enhanced.dcm", list(directions())[number], order)
    assert errors_of_dciodvfy(written.path) == []
    files = results(written)
    for name in (SEGMENTATION, REPORT):
        (tmp_path / name).write_bytes(files[name])
        assert errors_of_dciodvfy(tmp_path / name) == []
    expected = sorted_points(written.points(np.argwhere(written.labels > 0)))
    for found in (
        points_of_highdicom(files[SEGMENTATION]),
        points_of_dcmqi(tmp_path / SEGMENTATION, tmp_path),
        points_of_dcmjs(tmp_path / SEGMENTATION, written),
    ):
        assert len(found) == len(expected)
        assert np.abs(sorted_points(found) - expected).max() < 1e-2


def test_highdicom_reads_the_same_hounsfield_units_from_the_file_as_we_do(tmp_path):
    written = Written(tmp_path / "enhanced.dcm", list(directions())[24], "shuffled")
    volume = highdicom.imread(written.path).get_volume()
    ours = read_scan(written.path).volume
    assert sorted(np.asarray(volume.array).ravel()) == sorted(ours.hu.ravel())
    indices = np.argwhere(np.ones(SHAPE, bool))
    theirs = np.asarray(volume.map_indices_to_reference(indices))
    values = {tuple(np.round(point, 2)): hu for point, hu in zip(theirs, np.asarray(volume.array).ravel(), strict=True)}
    places = ours.geometry.index_to_world(indices.astype(float))
    assert all(values[tuple(np.round(point, 2))] == hu for point, hu in zip(places, ours.hu.ravel(), strict=True))
