"""A stream that is not complete is refused, wherever it was cut. SimpleITK would fill the rest with water."""

import bz2
import gzip
import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from stored_scans import body_hu, nifti_bytes

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_io import read_ct_file

CUTS = [percent / 100 for percent in range(0, 100, 2)] + [0.995]


def stored(tmp_path, suffix, *, compressed):
    image = sitk.GetImageFromArray(body_hu())
    image.SetSpacing((3.0, 3.0, 3.0))
    path = tmp_path / f"whole{suffix}"
    sitk.WriteImage(image, str(path), useCompression=compressed)
    return path


@pytest.mark.parametrize(
    ("suffix", "compressed"),
    [(".nii", False), (".nii.gz", True), (".nrrd", False), (".nrrd", True), (".mha", False), (".mha", True)],
)
def test_a_file_cut_anywhere_is_refused(tmp_path, suffix, compressed):
    content = stored(tmp_path, suffix, compressed=compressed).read_bytes()
    cut = tmp_path / f"cut{suffix}"
    for share in (*CUTS, 1 - 1 / len(content)):
        cut.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputRejected, match="the input file"):
            read_ct_file(cut)


@pytest.mark.parametrize(("suffix", "data"), [(".nhdr", "whole.raw"), (".mhd", "whole.raw")])
def test_data_beside_the_header_that_are_cut_or_missing_are_refused(tmp_path, suffix, data):
    header = stored(tmp_path, suffix, compressed=False)
    content = (tmp_path / data).read_bytes()
    for share in CUTS:
        (tmp_path / data).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputRejected, match="the data file of the input file is incomplete"):
            read_ct_file(header)
    (tmp_path / data).unlink()
    with pytest.raises(InputRejected, match=r"the data file of the input file is missing.*\(whole\.raw\)"):
        read_ct_file(header)


@pytest.mark.parametrize(("suffix", "data"), [(".nhdr", "whole.raw.gz"), (".mhd", "whole.zraw")])
def test_compressed_data_beside_the_header_that_are_cut_are_refused(tmp_path, suffix, data):
    header = stored(tmp_path, suffix, compressed=True)
    content = (tmp_path / data).read_bytes()
    assert np.array_equal(read_ct_file(header).volume.hu, body_hu())
    for share in CUTS[1:]:
        (tmp_path / data).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputRejected, match="incomplete"):
            read_ct_file(header)


def test_one_flipped_bit_anywhere_in_a_gzip_file_is_refused(tmp_path):
    content = gzip.compress(nifti_bytes(body_hu()), mtime=0)
    path = tmp_path / "ct.nii.gz"
    rng = np.random.default_rng(0)
    for position in rng.integers(10, len(content), 60):  # the 10 bytes before hold no voxels
        flipped = bytearray(content)
        flipped[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(InputRejected, match="damaged"):
            read_ct_file(path)


@pytest.mark.parametrize("tail", [struct.pack("<II", 0, 20), b""])
def test_a_wrong_or_missing_gzip_checksum_is_refused(tmp_path, tail):
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(nifti_bytes(body_hu()))[:-8] + tail)
    with pytest.raises(InputRejected, match="damaged or incomplete"):
        read_ct_file(tmp_path / "ct.nii.gz")


def test_a_wrong_zlib_checksum_is_refused(tmp_path):
    path = stored(tmp_path, ".mha", compressed=True)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputRejected, match="damaged"):
        read_ct_file(path)


def test_gzip_members_after_each_other_are_one_stream(tmp_path):
    content = nifti_bytes(body_hu())
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]))
    assert np.array_equal(read_ct_file(tmp_path / "ct.nii.gz").volume.hu, body_hu())


def test_a_few_bytes_after_the_voxels_do_no_harm(tmp_path):
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(nifti_bytes(body_hu()) + bytes(100)))
    assert np.array_equal(read_ct_file(tmp_path / "ct.nii.gz").volume.hu, body_hu())


def test_a_header_that_promises_far_too_little_is_refused(tmp_path):
    content = nifti_bytes(body_hu()) + bytes(2 << 20)
    (tmp_path / "ct.nii.gz").write_bytes(gzip.compress(content))
    with pytest.raises(InputRejected, match="goes on after"):
        read_ct_file(tmp_path / "ct.nii.gz")


def test_more_than_the_file_can_hold_is_refused_before_memory_is_asked_for(tmp_path, monkeypatch):
    claims_512_mib = struct.pack("<8h", 3, 1024, 1024, 256, 1, 1, 1, 1)
    content = nifti_bytes(body_hu(), header=[(40, claims_512_mib)])

    def no_memory(*_):
        raise AssertionError("memory was asked for")

    monkeypatch.setattr("PDACScreeningLib.scan_files.byte_stream.np.empty", no_memory)
    for name, stored_bytes in (("ct.nii", content), ("ct.nii.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(stored_bytes)
        with pytest.raises(InputRejected, match="promises 536870912 bytes"):
            read_ct_file(tmp_path / name)


def test_a_zlib_stream_in_which_nothing_is_left_over_ends_cleanly(tmp_path):
    path = stored(tmp_path, ".mha", compressed=True)
    head, _ = path.read_bytes().split(b"ElementDataFile = LOCAL\n")
    path.write_bytes(head + b"ElementDataFile = LOCAL\n" + zlib.compress(body_hu().tobytes(), 0))
    assert np.array_equal(read_ct_file(path).volume.hu, body_hu())


def test_bzip2_is_read_and_checked(tmp_path):
    head = (
        b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 28 24 20\n"
        b"space directions: (3,0,0) (0,3,0) (0,0,3)\nkinds: domain domain domain\nendian: little\nencoding: bzip2\n"
        b"space origin: (0,0,0)\n\n"
    )
    content = head + bz2.compress(body_hu().astype("<i2").tobytes())
    (tmp_path / "ct.nrrd").write_bytes(content)
    assert np.array_equal(read_ct_file(tmp_path / "ct.nrrd").volume.hu, body_hu())
    (tmp_path / "ct.nrrd").write_bytes(content[:-20])
    with pytest.raises(InputRejected, match="incomplete"):
        read_ct_file(tmp_path / "ct.nrrd")
