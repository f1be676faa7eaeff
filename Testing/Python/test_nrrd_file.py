"""A file of voxels is believed only after it has been read back."""

import numpy as np
import pytest
import SimpleITK as sitk
from sample_screenings import DEMO_NOTICE, MODEL

from PDACScreeningLib.errors import WriteError
from PDACScreeningLib.report.nrrd_file import write_nrrd
from PDACScreeningLib.report.probability_file import write_tumor_probability
from PDACScreeningLib.volume.geometry import Geometry

GEOMETRY = Geometry((4, 5, 6), (0.7, 0.8, 2.5), (1.5, -2.5, 1 / 3))
VOXELS = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)


def test_probability_is_written_exactly_with_its_notice(tmp_path):
    path = write_tumor_probability(VOXELS, GEOMETRY, tmp_path / "tumor_probability.nrrd", MODEL)
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), VOXELS)
    assert image.GetSpacing() == GEOMETRY.spacing_mm
    assert image.GetOrigin() == GEOMETRY.origin_mm
    assert image.GetMetaData("PDACScreening_Notice").endswith(DEMO_NOTICE)
    assert b"encoding: gzip" in path.read_bytes()


@pytest.mark.parametrize("wrong", [VOXELS.astype(np.float64), VOXELS[:3]])
def test_another_type_or_shape_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="expected float32"):
        write_tumor_probability(wrong, GEOMETRY, tmp_path / "p.nrrd")


@pytest.mark.parametrize("damage", ["voxels", "grid", "header"])
def test_a_file_that_reads_back_differently_never_takes_its_place(tmp_path, monkeypatch, damage):
    path = tmp_path / "p.nrrd"
    path.write_text("the earlier result")
    honest = sitk.WriteImage

    def dishonest(image, name, **options):
        if damage == "voxels":
            image.SetPixel((0, 0, 0), 2.0)
        elif damage == "grid":
            image.SetOrigin((9.0, 9.0, 9.0))
        else:
            image.SetMetaData("key", "other")
        honest(image, name, **options)

    monkeypatch.setattr(sitk, "WriteImage", dishonest)
    with pytest.raises(WriteError, match=damage):
        write_nrrd(VOXELS, GEOMETRY, {"key": "value"}, path)
    assert path.read_text() == "the earlier result"
    assert list(tmp_path.iterdir()) == [path]


def test_a_field_of_two_lines_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one line"):
        write_nrrd(VOXELS, GEOMETRY, {"key": "two\nlines"}, tmp_path / "p.nrrd")
