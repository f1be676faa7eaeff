"""A file is what its first bytes say. What is no volume is refused in plain words; what claims nonsense, too."""

import gzip
import os
import struct
from contextlib import suppress

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_scans import body_hu, nifti_bytes

from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.scan_files.image_io import read_ct_file

NRRD = (
    "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 28 24 20\n"
    "space directions: (3,0,0) (0,3,0) (0,0,3)\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
    "space origin: (0,0,0)\n"
)
META = (
    "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
    "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 3 3 3\nDimSize = 28 24 20\n"
    "ElementType = MET_SHORT\n"
)
VOXELS = body_hu().astype("<i2").tobytes()


def refusal(path):
    with pytest.raises(InputRejected) as caught:
        read_ct_file(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(path.parent) not in sentence  # a path may tell who the patient is
    return sentence


def written(tmp_path, content, name="ct.nii"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / name


def nrrd(tmp_path, *replacements):
    text = NRRD
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return written(tmp_path, f"{text}\n".encode() + VOXELS, "ct.nrrd")


def meta(tmp_path, *replacements, end="ElementDataFile = LOCAL\n"):
    text = META
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return written(tmp_path, (text + end).encode() + VOXELS, "ct.mha")


def nifti(tmp_path, *header, **options):
    return written(tmp_path, nifti_bytes(body_hu(), header=header, **options))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n  <!DOCTYPE html><html>login</html>", "web page"),
        ("just some notes\n", "text file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "JPEG"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"%PDF-1.7" + bytes(100), "PDF"),
        (bytes(128) + b"DICM" + bytes(100), "give the folder that holds all slices"),
        (bytes(1000), "no image file"),
        (b"\x1f\x8b", "damaged or incomplete"),
        (gzip.compress(b"notes", mtime=0), "gzip archive of something else"),
    ],
)
@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.nrrd", "scan.mha", "scan"])
def test_what_is_no_volume_is_refused_in_plain_words(tmp_path, content, words, name):
    sentence = refusal(written(tmp_path, content, name))
    assert words in sentence
    assert sentence.startswith("the input file is ")


def test_a_sentence_names_the_file_only_when_identifiers_are_asked_for(tmp_path):
    path = written(tmp_path, b"notes", "DOE_JANE.nii")
    assert "DOE_JANE" not in refusal(path)
    with pytest.raises(InputRejected, match=r"^DOE_JANE\.nii is a text file"):
        read_ct_file(path, include_identifiers=True)


def test_what_is_not_there_is_said_so(tmp_path):
    assert refusal(tmp_path / "ct.nii") == "the input file does not exist"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "ct.nii")
    assert refusal(tmp_path / "ct.nii") == "the input file is not a file"


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (nifti_bytes(body_hu()), "ct.nii.gz", "NIfTI"),
        (gzip.compress(nifti_bytes(body_hu())), "ct.nii", "NIfTI"),
        (f"{NRRD}\n".encode() + VOXELS, "ct.nii.gz", "NRRD"),
        (f"{META}ElementDataFile = LOCAL\n".encode() + VOXELS, "ct.nrrd", "MetaImage"),
        (nifti_bytes(body_hu()), "ct", "NIfTI"),
    ],
)
def test_a_wrong_name_does_no_harm(tmp_path, content, name, kind):
    read = read_ct_file(written(tmp_path, content, name))
    assert np.array_equal(read.volume.hu, body_hu())
    assert read.kind == kind
    spoken_of = any("in spite of its name" in warning for warning in read.warnings)
    assert spoken_of == (not name.startswith("ct.nii") or kind != "NIfTI")


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf"), -3.0, 1e-9, 1e6])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_impossible_spacing_is_refused_in_every_format(tmp_path, value, axis):
    # SimpleITK reads zero and NaN as 1.0 without a word
    assert "spacing" in refusal(nifti(tmp_path, (80 + 4 * axis, struct.pack("<f", value)), (254, bytes(2))))
    spacing = ["3", "3", "3"]
    spacing[axis] = repr(value)
    assert "pacing" in refusal(meta(tmp_path, ("ElementSpacing = 3 3 3", f"ElementSpacing = {' '.join(spacing)}")))
    if value > -1:  # a negative direction of a NRRD axis is a flip, and fine
        vectors = ["(3,0,0)", "(0,3,0)", "(0,0,3)"]
        vectors[axis] = vectors[axis].replace("3", repr(value))
        assert "spacing" in refusal(nrrd(tmp_path, ("(3,0,0) (0,3,0) (0,0,3)", " ".join(vectors))))


@pytest.mark.parametrize(
    ("refuse", "old", "new"),
    [
        (nrrd, "space directions: (3,0,0) (0,3,0) (0,0,3)\n", ""),
        (meta, "ElementSpacing = 3 3 3\n", ""),
    ],
)
def test_a_header_without_a_spacing_is_refused_rather_than_taken_for_1_mm(tmp_path, refuse, old, new):
    assert "does not tell the voxel spacing" in refusal(refuse(tmp_path, (old, new)))


def qform(quaternion, offset):
    return (252, struct.pack("<2h6f", 1, 1, *quaternion, *offset))


def test_two_placements_of_a_nifti_header_that_agree_need_no_word(tmp_path):
    read = read_ct_file(nifti(tmp_path, qform((0.0, 0.0, 0.0), (0.4, 0.0, 0.0))))
    assert not [warning for warning in read.warnings if "qform" in warning]


def test_two_placements_of_a_nifti_header_that_swap_left_and_right_are_a_warning(tmp_path):
    # half a turn about z: x runs from 0 to -81 instead of 81, y from 0 to -69 instead of 69
    read = read_ct_file(nifti(tmp_path, qform((0.0, 0.0, 1.0), (0.0, 0.0, 0.0))))
    (warning,) = (warning for warning in read.warnings if "qform" in warning)
    assert "up to 213 mm apart" in warning  # twice the diagonal of 81 and 69


def test_an_affine_that_contradicts_the_spacing_is_refused(tmp_path):
    assert "contradicts itself" in refusal(nifti(tmp_path, (80, struct.pack("<3f", 3.0, 3.0, 5.0))))


@pytest.mark.parametrize("sizes", [(32000, 32000, 32000), (28, 24, 0), (28, -24, 20)])
def test_an_absurd_size_is_refused(tmp_path, sizes):
    sentence = refusal(nifti(tmp_path, (42, struct.pack("<3h", *sizes))))
    assert "claims" in sentence
    text = " ".join(str(size) for size in sizes)
    assert "the header of" in refusal(meta(tmp_path, ("DimSize = 28 24 20", f"DimSize = {text}")))
    assert "the header of" in refusal(nrrd(tmp_path, ("sizes: 28 24 20", f"sizes: {text}")))


def test_four_dimensions_are_refused_with_their_number(tmp_path):
    path = written(tmp_path, nifti_bytes(np.stack([body_hu()] * 3)))
    assert "3 volumes (28 x 24 x 20 x 3)" in refusal(path)


def test_two_dimensions_are_refused(tmp_path):
    assert "2D picture" in refusal(written(tmp_path, nifti_bytes(body_hu()[0])))


@pytest.mark.parametrize("datatype", [128, 2304])
def test_nifti_colors_are_refused(tmp_path, datatype):
    voxels = np.zeros((20, 24, 28 * (3 if datatype == 128 else 4)), np.uint8)
    size = struct.pack("<h", 28)
    path = written(tmp_path, nifti_bytes(voxels, datatype=datatype, header=[(42, size)]))
    assert "numbers per voxel (a color or vector image)" in refusal(path)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii.gz"])
def test_vectors_are_refused(tmp_path, suffix):
    image = sitk.GetImageFromArray(np.zeros((20, 24, 28, 3), np.uint8), isVector=True)
    sitk.WriteImage(image, str(tmp_path / f"ct{suffix}"))
    sentence = refusal(tmp_path / f"ct{suffix}")
    assert "3 numbers per voxel" in sentence or "3 volumes" in sentence


@pytest.mark.parametrize(
    "scaling", [(0.0, -1024.0), (float("nan"), -1024.0), (float("inf"), 0.0), (1.0, float("nan")), (1.0, float("inf"))]
)
def test_a_contradictory_scaling_is_refused(tmp_path, scaling):
    # SimpleITK applies the intercept of a slope of 0
    assert "contradictory intensity scaling" in refusal(nifti(tmp_path, (112, struct.pack("<2f", *scaling))))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ((344, b"ni1\0"), "the data file (.img) of the input file is missing"),
        ((344, b"xxxx"), "no image file"),
        ((40, struct.pack("<h", 9)), "9 dimensions"),
        ((70, struct.pack("<h", 1)), "data type 1"),
        ((108, struct.pack("<f", 10.0)), "puts the voxels at byte 10"),
        ((108, struct.pack("<f", float("nan"))), "puts the voxels at byte nan"),
        ((108, struct.pack("<f", 1e9)), "incomplete"),
    ],
)
def test_other_impossible_nifti_headers_are_refused(tmp_path, header, words):
    assert words in refusal(nifti(tmp_path, header))


def test_an_empty_nifti_2_header_is_refused(tmp_path):
    content = struct.pack("<i", 540) + b"n+2\0\r\n\032\n" + bytes(600)
    assert "claims 0 dimensions" in refusal(written(tmp_path, content))


@pytest.mark.parametrize(
    ("replacement", "words"),
    [
        (("encoding: raw", "encoding: ascii"), "encoding 'ascii'"),
        (("type: short", "type: block"), "stores voxels as 'block'"),
        (("endian: little\n", ""), "byte order"),
        (("dimension: 3", "dimension: 4"), "contradicts itself"),
        (("sizes: 28 24 20\n", ""), "no readable sizes"),
        (("sizes: 28 24 20", "sizes: 28 24 x"), "no readable sizes"),
        (("endian: little", "endian: little\nbyte skip: 12"), "skips bytes"),
        (
            ("kinds: domain domain domain", 'kinds: domain domain domain\nspace units: "m" "m" "m"'),
            "measures space in m",
        ),
        (("kinds: domain domain domain", "kinds: vector domain domain"), "28 numbers per voxel"),
        (("endian: little", "endian: little\ndata file: ../secret.raw"), "does not keep its voxels in one file"),
        (("endian: little", "endian: little\ndata file: LIST"), "does not keep its voxels in one file"),
        (("endian: little", "endian: little\ndata file: slice%03d.raw 0 1 1"), "does not keep its voxels in one file"),
    ],
)
def test_other_impossible_nrrd_headers_are_refused(tmp_path, replacement, words):
    assert words in refusal(nrrd(tmp_path, replacement))


@pytest.mark.parametrize(
    ("replacement", "words"),
    [
        (("BinaryData = True", "BinaryData = False"), "as text"),
        (("DimSize = 28 24 20", "DimSize = 28 24 x"), "no readable DimSize"),
        (("ElementType = MET_SHORT", "ElementType = MET_STRING"), "stores voxels as 'MET_STRING'"),
        (("CompressedData", "HeaderSize = 100\nCompressedData"), "skips bytes"),
        (("NDims = 3", "NDims = 3\nElementNumberOfChannels = 3"), "3 numbers per voxel"),
    ],
)
def test_other_impossible_metaimage_headers_are_refused(tmp_path, replacement, words):
    assert words in refusal(meta(tmp_path, replacement))


@pytest.mark.parametrize("named", ["LIST", "/etc/hostname", "../ct.raw", "slice%03d.raw 1 20 1", "absent.raw"])
def test_voxels_are_only_looked_for_in_one_file_beside_the_header(tmp_path, named):
    sentence = refusal(meta(tmp_path, end=f"ElementDataFile = {named}\n"))
    assert "does not keep its voxels in one file" in sentence or "is missing" in sentence


def test_a_nrrd_and_a_metaimage_of_these_headers_are_read(tmp_path):
    assert np.array_equal(read_ct_file(nrrd(tmp_path)).volume.hu, body_hu())
    assert np.array_equal(read_ct_file(meta(tmp_path)).volume.hu, body_hu())


def test_ras_nrrd_directions_are_turned_into_lps(tmp_path):
    path = nrrd(tmp_path, ("left-posterior-superior", "right-anterior-superior"), ("(0,0,0)\n", "(7,8,9)\n"))
    geometry = read_ct_file(path).volume.geometry
    assert geometry.direction == (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)
    assert geometry.origin_mm == (-7.0, -8.0, 9.0)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.integers(0, 2), position=st.integers(0, 700), replacement=st.binary(min_size=1, max_size=8))
def test_no_damage_to_a_header_ends_in_anything_but_a_refusal(tmp_path, kind, position, replacement):
    contents = (
        nifti_bytes(body_hu()),
        f"{NRRD}\n".encode() + VOXELS,
        f"{META}ElementDataFile = LOCAL\n".encode() + VOXELS,
    )
    content = bytearray(contents[kind])
    content[position : position + len(replacement)] = replacement
    with suppress(InputRejected, InputIndeterminate):
        read_ct_file(written(tmp_path, bytes(content), "fuzzed.nii"))
