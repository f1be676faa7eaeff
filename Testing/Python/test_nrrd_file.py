"""A file of voxels is believed only after it has been read back."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from sample_screenings import DEMO_NOTICE, MODEL

from PDACScreeningLib.errors import WriteError
from PDACScreeningLib.report import nrrd_file
from PDACScreeningLib.report.nrrd_file import write_nrrd
from PDACScreeningLib.report.probability_file import write_tumor_probability
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.part import VolumePart

GEOMETRY = Geometry((4, 5, 6), (0.7, 0.8, 2.5), (1.5, -2.5, 1 / 3))
VOXELS = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
PART = VolumePart.of(VOXELS, GEOMETRY)


def test_probability_is_written_exactly_with_its_notice(tmp_path):
    path = write_tumor_probability(PART, tmp_path / "tumor_probability.nrrd", MODEL)
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), VOXELS)
    assert image.GetSpacing() == GEOMETRY.spacing_mm
    assert image.GetOrigin() == GEOMETRY.origin_mm
    assert image.GetMetaData("PDACScreening_Notice").endswith(DEMO_NOTICE)
    assert b"encoding: gzip" in path.read_bytes()


def test_another_type_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected float32"):
        write_tumor_probability(replace(PART, values=PART.values.astype(np.float64)), tmp_path / "p.nrrd")


@pytest.mark.parametrize("damage", ["voxels", "grid", "header"])
def test_a_file_that_reads_back_differently_never_takes_its_place(tmp_path, monkeypatch, damage):
    path = tmp_path / "p.nrrd"
    path.write_text("the earlier result")
    header, compressed = nrrd_file._header, nrrd_file._compressed
    if damage == "voxels":
        monkeypatch.setattr(nrrd_file, "_compressed", lambda planes: compressed([*list(planes)[:-1], VOXELS[0]]))
    elif damage == "grid":
        moved = replace(GEOMETRY, origin_mm=(9.0, 9.0, 9.0))
        monkeypatch.setattr(nrrd_file, "_header", lambda plane, geometry, lines: header(plane, moved, lines))
    else:
        other = {"key": "other"}
        monkeypatch.setattr(nrrd_file, "_header", lambda plane, geometry, lines: header(plane, geometry, other))
    with pytest.raises(WriteError, match=damage):
        write_nrrd(VOXELS, GEOMETRY, {"key": "value"}, path)
    assert path.read_text() == "the earlier result"
    assert list(tmp_path.iterdir()) == [path]


def test_a_field_of_two_lines_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one line"):
        write_nrrd(VOXELS, GEOMETRY, {"key": "two\nlines"}, tmp_path / "p.nrrd")


OBLIQUE = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.float32])
@pytest.mark.parametrize("layers", [(), (2,)])
def test_another_program_reads_what_was_written(tmp_path, dtype, layers):
    geometry = replace(GEOMETRY, direction=OBLIQUE)
    voxels = np.random.default_rng(1).integers(0, 200, (*GEOMETRY.shape, *layers)).astype(dtype)
    path = write_nrrd(voxels, geometry, {"b": "two words", "a": "a\\b: c"}, tmp_path / "p.nrrd")
    image = sitk.ReadImage(str(path))
    assert sitk.GetArrayFromImage(image).dtype == dtype
    assert np.array_equal(sitk.GetArrayFromImage(image), voxels)
    np.testing.assert_allclose(image.GetDirection(), OBLIQUE, atol=1e-15)
    np.testing.assert_allclose(image.GetSpacing(), GEOMETRY.spacing_mm, rtol=1e-15)
    assert image.GetOrigin() == GEOMETRY.origin_mm
    assert (image.GetMetaData("a"), image.GetMetaData("b")) == ("a\\b: c", "two words")


def test_a_backslash_in_the_file_is_the_one_that_itk_writes(tmp_path):
    image = sitk.GetImageFromArray(VOXELS)
    image.SetMetaData("key", "a\\nb")
    sitk.WriteImage(image, str(tmp_path / "itk.nrrd"))
    write_nrrd(VOXELS, Geometry(VOXELS.shape, (1.0, 1.0, 1.0)), {"key": "a\\nb"}, tmp_path / "own.nrrd")
    own, theirs = (
        next(line for line in (tmp_path / name).read_bytes().split(b"\n") if line.startswith(b"key:="))
        for name in ("own.nrrd", "itk.nrrd")
    )
    assert own == theirs


def test_a_part_of_a_volume_is_written_as_the_whole_one(tmp_path):
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[1:3, 2:4, 3:5] = 7
    part = VolumePart.of(voxels, GEOMETRY)
    paths = [write_nrrd(planes, GEOMETRY, {}, tmp_path / "p.nrrd").read_bytes() for planes in (voxels, part.planes)]
    assert paths[0] == paths[1]
    assert part.sha256() == VolumePart(voxels, Box((0, 0, 0), (4, 5, 6)), GEOMETRY).sha256()


@pytest.mark.parametrize("wrong", [VOXELS[:3], VOXELS[:, :4], np.concatenate([VOXELS, VOXELS])])
def test_planes_of_another_grid_are_not_written(tmp_path, wrong):
    with pytest.raises(WriteError, match="grid"):
        write_nrrd(wrong, GEOMETRY, {}, tmp_path / "p.nrrd")
    assert list(tmp_path.iterdir()) == []
