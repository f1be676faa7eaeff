"""Where a file says that its voxels lie: believed when it is whole, spoken of when it is silent, refused when not."""

import gzip
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest
from stored_scans import body_hu, nifti_bytes
from test_file_header import META, NRRD, VOXELS

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.image_io import read_ct_file, read_label_map

UNKNOWN = "orientation unknown"
NOWHERE = "position unknown"


def refusal(path):
    with pytest.raises(InputRejected) as caught:
        read_ct_file(path)
    return str(caught.value)


def written(tmp_path, text, name, end=""):
    path = tmp_path / name
    path.write_bytes(f"{text}{end}".encode() + VOXELS)
    return path


def meta(tmp_path, old="", new=""):
    assert old in META
    return written(tmp_path, META.replace(old, new) if old else META, "ct.mha", "ElementDataFile = LOCAL\n")


def nrrd(tmp_path, old="", new=""):
    assert old in NRRD
    return written(tmp_path, NRRD.replace(old, new) if old else NRRD, "ct.nrrd", "\n")


def nifti(tmp_path, *header):
    (tmp_path / "ct.nii").write_bytes(nifti_bytes(body_hu(), header=header))
    return tmp_path / "ct.nii"


def spoken(path, words):
    return [warning for warning in read_ct_file(path).warnings if words in warning]


def test_whole_headers_need_no_word(tmp_path):
    for path in (meta(tmp_path), nrrd(tmp_path), nifti(tmp_path)):
        assert not spoken(path, "unknown")


@pytest.mark.parametrize(
    ("make", "old", "words"),
    [
        (meta, "TransformMatrix = 1 0 0 0 1 0 0 0 1\n", UNKNOWN),
        (meta, "Offset = 0 0 0\n", NOWHERE),
        (nrrd, "space origin: (0,0,0)\n", NOWHERE),
        (nrrd, "space: left-posterior-superior\n", UNKNOWN),
    ],
)
def test_what_a_header_does_not_tell_is_a_warning(tmp_path, make, old, words):
    new = "space dimension: 3\n" if old.startswith("space:") else ""
    assert len(spoken(make(tmp_path, old, new), words)) == 1


def test_a_nrrd_with_spacings_alone_has_no_orientation(tmp_path):
    text = NRRD.replace("space: left-posterior-superior\n", "").replace("space origin: (0,0,0)\n", "")
    text = text.replace("space directions: (3,0,0) (0,3,0) (0,0,3)", "spacings: 3 3 3")
    path = written(tmp_path, text, "ct.nrrd", "\n")
    assert spoken(path, UNKNOWN)
    assert spoken(path, NOWHERE)


def test_a_nifti_without_placement_codes_has_no_orientation(tmp_path):
    path = nifti(tmp_path, (252, bytes(4)))
    assert len(spoken(path, UNKNOWN)) == 1
    assert read_ct_file(path).volume.geometry.direction == (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)


@pytest.mark.parametrize("value", ["nan", "inf", "1x", "", "1 2", "0 0 0 0"])
def test_a_broken_number_of_a_metaimage_is_refused(tmp_path, value):
    # MetaIO reads it as 0 and says nothing
    assert "no readable Offset" in refusal(meta(tmp_path, "Offset = 0 0 0", f"Offset = {value}"))
    matrix = "TransformMatrix = 1 0 0 0 1 0 0 0 1"
    assert "no readable TransformMatrix" in refusal(meta(tmp_path, matrix, f"TransformMatrix = {value}"))


@pytest.mark.parametrize("dimensions", ["-1", "0", "2", "4", "99", "1000000", "3.0", "x", ""])
def test_dimensions_that_are_not_three_never_reach_itk(tmp_path, dimensions):
    # MetaIO ends the process with a segmentation fault, or never
    words = "contradicts itself about its dimensions" if dimensions.isdecimal() else "no readable NDims"
    assert words in refusal(meta(tmp_path, "NDims = 3", f"NDims = {dimensions}"))


def test_a_metaimage_without_dimensions_is_refused(tmp_path):
    assert "NDims" in refusal(meta(tmp_path, "NDims = 3\n", "Comment = none\n"))


def test_a_metaimage_that_tells_its_origin_twice_is_refused(tmp_path):
    assert "Offset" in refusal(meta(tmp_path, "Offset = 0 0 0", "Offset = 0 0 0\nPosition = 5 5 5"))
    assert not spoken(meta(tmp_path, "Offset = 0 0 0", "Offset = 0 0 0\nPosition = 0 0 0"), NOWHERE)


def test_a_metaimage_may_begin_with_any_key(tmp_path):
    path = written(tmp_path, f"Modality = MET_MOD_CT\n{META}", "ct.mha", "ElementDataFile = LOCAL\n")
    assert np.array_equal(read_ct_file(path).volume.hu, body_hu())


@pytest.mark.parametrize("vector", ["(nan,0,0)", "(3,0)", "(x,0,0)", "(3,0,inf)"])
def test_a_broken_number_of_a_nrrd_is_refused(tmp_path, vector):
    directions = "space directions: (3,0,0)"
    assert "no readable space directions" in refusal(nrrd(tmp_path, directions, f"space directions: {vector}"))
    assert "damaged" in refusal(nrrd(tmp_path, "space origin: (0,0,0)", f"space origin: {vector}"))


def test_a_space_that_does_not_exist_is_refused(tmp_path):
    assert "which does not exist" in refusal(nrrd(tmp_path, "left-posterior", "left-posteriqr"))


@pytest.mark.parametrize("encoding", ["ascii", "hex", "text"])
def test_an_encoding_as_text_is_told_as_such(tmp_path, encoding):
    path = nrrd(tmp_path, "endian: little\nencoding: raw", f"encoding: {encoding}")
    assert f"uses NRRD encoding '{encoding}'" in refusal(path)


@pytest.mark.parametrize("named", ["ct.raw", "./ct.raw"])
def test_voxels_in_a_file_beside_a_nrrd_are_read(tmp_path, named):
    (tmp_path / "ct.raw").write_bytes(VOXELS)
    (tmp_path / "ct.nhdr").write_text(NRRD.replace("encoding: raw\n", f"encoding: raw\ndata file: {named}\n"))
    assert np.array_equal(read_ct_file(tmp_path / "ct.nhdr").volume.hu, body_hu())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("offset", [256, 260, 268, 276, 280, 292, 316])
def test_a_nifti_that_places_the_scan_nowhere_is_refused(tmp_path, value, offset):
    both = (252, struct.pack("<2h", 1, 1))
    assert "undefined positions" in refusal(nifti(tmp_path, both, (offset, struct.pack("<f", value))))


@pytest.mark.parametrize("length", [1.01, 31.0, 1e30])
def test_a_quaternion_that_is_no_rotation_is_refused(tmp_path, length):
    header = (252, struct.pack("<2h3f", 1, 0, 0.0, 0.0, length))
    assert "a rotation that is none" in refusal(nifti(tmp_path, header))


@pytest.mark.parametrize("codes", [(-1, 1), (1, 9), (300, 0)])
def test_placement_codes_that_do_not_exist_are_refused(tmp_path, codes):
    assert "placement codes that do not exist" in refusal(nifti(tmp_path, (252, struct.pack("<2h", *codes))))


@pytest.mark.parametrize("slope", [-1.0, -2.9])
def test_a_negative_slope_is_refused(tmp_path, slope):
    assert "contradictory intensity scaling" in refusal(nifti(tmp_path, (112, struct.pack("<2f", slope, 0.0))))


@pytest.mark.parametrize(("unit", "factor"), [(1, 0.001), (3, 1000.0)])
def test_meters_and_microns_become_millimeters(tmp_path, unit, factor):
    spacing = struct.pack("<3f", *(3.0 * factor,) * 3)
    affine = np.hstack([np.diag((3.0 * factor,) * 3), [[5 * factor], [6 * factor], [7 * factor]]])
    path = nifti(tmp_path, (80, spacing), (123, bytes([unit])), (280, struct.pack("<12f", *affine.ravel())))
    geometry = read_ct_file(path).volume.geometry
    assert geometry.spacing_mm == pytest.approx((3.0, 3.0, 3.0), rel=1e-6)
    assert geometry.origin_mm == pytest.approx((-5.0, -6.0, 7.0), rel=1e-6)


AFFINE = np.array([[0, -3.0, 0, 40], [2.5, 0, 0, -60], [0, 0, 4.0, 7], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    "image_class", [nibabel.Nifti1Image, nibabel.Nifti2Image, nibabel.Nifti1Pair, nibabel.Nifti2Pair]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_kind_of_nifti_is_read_as_nibabel_reads_it(tmp_path, image_class, compressed):
    image = image_class(body_hu().transpose(2, 1, 0), AFFINE)
    image.header.set_xyzt_units("mm")
    ending = "img" if "Pair" in image_class.__name__ else "nii"
    path = tmp_path / f"ct.{ending}{'.gz' if compressed else ''}"
    nibabel.save(image, path)
    for entry in sorted(tmp_path.iterdir()):  # of a pair, either may be named
        read = read_ct_file(entry)
        assert np.array_equal(read.volume.hu, body_hu())
        corner = read.volume.geometry.index_to_world((19.0, 23.0, 27.0))
        assert corner * (-1, -1, 1) == pytest.approx((AFFINE @ (27, 23, 19, 1))[:3], abs=1e-4)


def test_half_of_a_pair_and_analyze_are_told(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(body_hu().transpose(2, 1, 0), AFFINE), tmp_path / "ct.img")
    (tmp_path / "alone.img").write_bytes((tmp_path / "ct.img").read_bytes())
    assert "the data of a pair without its .hdr" in refusal(tmp_path / "alone.img")
    (tmp_path / "alone.hdr").write_bytes((tmp_path / "ct.hdr").read_bytes())
    (tmp_path / "alone.img").unlink()
    assert "the data file (.img) of the input file is missing" in refusal(tmp_path / "alone.hdr")
    header = bytearray((tmp_path / "ct.hdr").read_bytes()[:348])
    header[344:348] = bytes(4)
    (tmp_path / "old.hdr").write_bytes(bytes(header))
    assert "Analyze 7.5" in refusal(tmp_path / "old.hdr")


def sheared(tmp_path, degrees, *, qform_code=1, axis=0):
    """A NIfTI whose slices lean towards x or y; the qform is the rigid part, as nibabel writes it."""
    affine = np.diag([-3.0, -3.0, 4.0, 1.0])
    affine[axis, 2] = 4.0 * np.tan(np.deg2rad(degrees))
    image = nibabel.Nifti1Image(body_hu().transpose(2, 1, 0), affine)
    image.set_qform(affine, qform_code, strip_shears=True)
    image.set_sform(affine, 1)
    nibabel.save(image, tmp_path / "ct.nii")
    return tmp_path / "ct.nii", affine


@pytest.mark.parametrize("qform_code", [0, 1])
@pytest.mark.parametrize("degrees", [0.5, 10.0, 18.5, -18.5])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_sheared_file_is_made_regular_as_a_tilted_series_is(tmp_path, qform_code, degrees, axis):
    path, _ = sheared(tmp_path, degrees, qform_code=qform_code, axis=axis)
    read = read_ct_file(path)
    (warning,) = (warning for warning in read.warnings if "made regular" in warning)
    assert f"stacked at {abs(degrees):.1f} degrees from a right angle" in warning
    assert read.volume.geometry.spacing_mm == pytest.approx((3.0, 3.0, 4.0), rel=1e-5)


def test_voxels_of_a_sheared_file_stay_where_its_affine_puts_them(tmp_path):
    degrees = float(np.rad2deg(np.arctan(3.0 / 4.0)))  # one voxel a slice: nothing has to be interpolated
    path, affine = sheared(tmp_path, degrees, axis=1)
    volume = read_ct_file(path).volume
    for z, y, x in ((0, 0, 0), (7, 11, 13), (19, 23, 27)):
        place = (affine @ (x, y, z, 1))[:3] * (-1, -1, 1)
        index = np.rint(volume.geometry.world_to_index(tuple(place))).astype(int)
        assert volume.hu[tuple(index)] == body_hu()[z, y, x]


def test_a_sheared_label_map_is_refused(tmp_path):
    path, _ = sheared(tmp_path, 10.0)
    with pytest.raises(InputRejected, match=r"sheared by 10\.0 degrees"):
        read_label_map(path)


def test_a_shear_that_no_gantry_makes_is_refused(tmp_path):
    path, _ = sheared(tmp_path, 60.0)
    assert "sheared by 60.0 degrees" in refusal(path)


def test_a_small_gzip_of_nothing_is_refused_before_memory_is_asked_for(tmp_path):
    header = bytearray(nifti_bytes(body_hu())[:352])
    struct.pack_into("<3h", header, 42, 1000, 1000, 500)
    with gzip.open(tmp_path / "ct.nii.gz", "wb", compresslevel=9) as file:
        file.write(header)
        for _ in range(500):
            file.write(bytes(2_000_000))
    assert (tmp_path / "ct.nii.gz").stat().st_size < 1_100_000
    assert "which no CT is compressed to" in refusal(tmp_path / "ct.nii.gz")
    tracemalloc.start()
    refusal(tmp_path / "ct.nii.gz")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 50e6


def test_a_scan_that_cannot_fit_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr("PDACScreeningLib.scan_files.memory_need.machine_gib", lambda: 1e-5)
    sentence = refusal(nifti(tmp_path))
    assert "has 28 x 24 x 20 voxels and needs about 0.0 GiB of memory, this machine has 0.0 GiB" in sentence


@pytest.mark.parametrize(
    ("low", "high", "read"), [(-160, 240, True), (-100, 240, True), (-50, 240, False), (-160, 100, False)]
)
def test_values_cut_to_a_window_are_read_when_it_holds_all_that_is_looked_at(tmp_path, low, high, read):
    hu = body_hu((40, 24, 28))
    hu[:, 11:13, 13:15] = 700
    (tmp_path / "ct.nii").write_bytes(nifti_bytes(hu.clip(low, high)))
    if read:
        assert spoken(tmp_path / "ct.nii", f"all values lie between {low} and {high} HU")
    else:
        assert "no air" in refusal(tmp_path / "ct.nii")
