"""Awkward inputs that people reported in public, made from formulas: one maker per report, named by its number.

Each maker writes into a folder and tells what to give to the reader. The reports are named in the docstrings.
"""

import dataclasses
import zipfile
from functools import cache

import numpy as np
from dicom_slices import body_slices, write_series
from multi_frame_ct import multi_frame_dataset, write_multi_frame
from public_files import (
    HU,
    RAS,
    SHAPE,
    analyze,
    in_meters,
    meta_modality_first,
    nifti,
    nifti_2,
    nifti_bz2,
    nrrd_ascii,
    nrrd_raw,
    pair,
)
from stored_scans import body_hu

from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.scan_files.slice_header import LEGACY_CONVERTED_CT_IMAGE
from PDACScreeningLib.volume.orientation import canonical_orientation

POSITIONS = [(-35.0, -36.0, 100.0 + 3.0 * z) for z in range(SHAPE[0])]


@dataclasses.dataclass(frozen=True)
class Case:
    """What to do with an input, and what should come of it."""

    make: object  # folder -> path
    outcome: str  # "read", "rejected" or "indeterminate"
    words: str = ""  # of the warning, or of the sentence; empty for a scan that is read without one
    same_voxels: bool = True  # a scan that is read has the voxels of HU
    options: dict = dataclasses.field(default_factory=dict)
    warnings: int | None = None  # how many there are, where all of them are known


@cache
def phantom():
    made = generate(random_specification(1, tumor_diameter_mm=30.0)).ct
    return canonical_orientation(made.geometry).to_canonical(made.hu)


def slices(folder, hu=HU, **changes):
    positions = [(-35.0, -36.0, 100.0 + 3.0 * z) for z in range(len(hu))]
    return write_series(folder, body_slices(hu=hu, positions_mm=positions, **changes))


def brighter(hu, amount):
    return np.where((hu > 20) & (hu < 150), hu + amount, hu)


def interleaved_phases(folder):
    """dcm2niix#721, monai-deploy-app-sdk#532, imagedata#94"""
    hu = phantom()
    late = brighter(hu, 80)
    mixed = np.where((np.arange(len(hu)) % 2)[:, None, None] == 0, hu, late)
    datasets = body_slices(
        hu=mixed, positions_mm=[(0.0, 0.0, 2.5 * z) for z in range(len(hu))], PixelSpacing=[2.5, 2.5]
    )
    for number, dataset in enumerate(datasets):
        dataset.AcquisitionNumber = 1 + number % 2
        dataset.AcquisitionTime = "120000" if number % 2 == 0 else "120030"
    return write_series(folder, datasets)


def interleaved_phases_without_a_header(folder):
    """The same after a conversion that kept no acquisition numbers."""
    hu = phantom().copy()
    hu[1::2] = brighter(hu[1::2], 80)
    return nifti(folder, hu, np.diag([-2.5, -2.5, 2.5, 1.0]))


def air_slices_amid(folder):
    """Slicer#4005, dicom2nifti#161, vtk-dicom#30"""
    hu = phantom().copy()
    hu[41:51] = -1024
    return nifti(folder, hu, np.diag([-2.5, -2.5, 2.5, 1.0]))


def sheared(folder):
    """dcm2niix#232, dicom2nifti#23, TotalSegmentator#610"""
    affine = RAS.copy()
    affine[1, 2] = affine[2, 2] * np.tan(np.deg2rad(18.5))
    return nifti(folder, affine=affine)


def label_255(folder):
    """nnUNet#1247, #1678, #1777"""
    return nifti(folder, np.where(HU > 40, 255, 0), dtype=np.uint8)


def two_phases_at_one_place(folder):
    """dcm2niix#721, Slicer#595"""
    slices(folder / "a", AcquisitionNumber=1)
    slices(folder / "b", brighter(HU, 60), AcquisitionNumber=2)
    return folder


def enhanced(folder):
    """dicom2nifti#19, #127, #158"""
    write_multi_frame(folder / "enhanced.dcm", multi_frame_dataset(HU, POSITIONS))
    return folder


def legacy_converted(folder):
    """dcm2niix#252"""
    dataset = multi_frame_dataset(HU, POSITIONS, sop_class=LEGACY_CONVERTED_CT_IMAGE)
    write_multi_frame(folder / "legacy.dcm", dataset)
    return folder


def damaged_other_series(folder):
    """pydicom dicomdirtests, dcm2niix#140"""
    slices(folder)
    other = slices(folder / "other", HU[:20], series="1.2.3", SeriesNumber=9)
    content = (other / "ct_003.dcm").read_bytes()
    (other / "ct_003.dcm").write_bytes(content[: int(0.8 * len(content))])
    return folder


def edited(folder, change):
    for path in sorted(folder.rglob("*.dcm")):
        path.write_bytes(change(path.read_bytes()))
    return folder


def rounded_positions(folder):
    """dicom2nifti#36, dcmstack#55, ITK#1607"""
    hu = body_hu((80, 24, 28))
    heights = [(-35.0, -36.0, round(100.0 + 0.625 * z, 1)) for z in range(80)]
    return write_series(folder, body_slices(hu=hu, positions_mm=heights, SliceThickness=0.625))


def tilted(folder):
    """Slicer#4409, heudiconv#409, TotalSegmentator#610"""
    lean = np.tan(np.deg2rad(18.5))
    positions = [(-35.0, -36.0 + 3.0 * z * lean, 100.0 + 3.0 * z) for z in range(SHAPE[0])]
    return write_series(folder, body_slices(hu=HU, positions_mm=positions))


def spacing_changes(folder):
    """Slicer#570, #7339, dicom2nifti#58"""
    kept = [*range(20), *range(20, 40, 2)]
    return write_series(folder, body_slices(hu=HU[kept], positions_mm=[POSITIONS[z] for z in kept]))


def isolated_gap(folder):
    kept = [z for z in range(SHAPE[0]) if z != 17]
    return write_series(folder, body_slices(hu=HU[kept], positions_mm=[POSITIONS[z] for z in kept]))


def clipped(folder):
    """TotalSegmentator#455, #130"""
    hu = HU.copy()
    hu[:, 11:13, 13:15] = 700  # a spine
    return nifti(folder, hu.clip(-160, 240))


def series_uid_per_slice(folder):
    """medInria#1008"""
    datasets = body_slices(hu=HU, positions_mm=POSITIONS)
    for number, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID = f"1.2.3.{number}"
    return write_series(folder, datasets)


def padding_32767(folder):
    """vtk-dicom#173, TotalSegmentator#78"""
    datasets = body_slices(hu=HU, positions_mm=POSITIONS, PixelRepresentation=1, BitsStored=16, HighBit=15)
    for dataset, plane in zip(datasets, HU, strict=True):
        stored = plane.astype(int) + 1024
        stored[:2, :4] = 32767
        dataset.PixelData = stored.astype("<i2").tobytes()
        dataset.add_new("PixelPaddingValue", "SS", 32767)
    return write_series(folder, datasets)


def padded_with_0(folder):
    """monai-physio#119"""
    hu = phantom().copy()
    hu[:, :12] = 0
    return nifti(folder, hu, np.diag([-2.5, -2.5, 2.5, 1.0]))


def nan_outside(folder):
    """Resampling with ANTs or FSL."""
    hu = HU.astype(np.float32)
    hu[:, :2] = np.nan
    return nifti(folder, hu, dtype=np.float32)


def prior_and_current(folder):
    """monai-deploy#505"""
    slices(folder / "a", StudyInstanceUID="1.2.3.4", series="1.2.3.5", StudyDate="20240101")
    slices(folder / "b")
    return folder


def two_phases_as_series(folder):
    """monai-deploy#505: the portal venous one is wanted"""
    slices(folder / "a")
    slices(folder / "b", brighter(HU, 60), series="1.2.3.5", SeriesNumber=4, SeriesDescription="arterial 2.0")
    return folder


def two_patients(folder):
    datasets = body_slices(hu=HU, positions_mm=POSITIONS)
    for dataset in datasets[20:]:
        dataset.PatientID, dataset.PatientName = "MRN999", "Roe^Richard"
    return write_series(folder, datasets)


def folder_of_a_zip(folder):
    """Cohorts as they were downloaded."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        for path in sorted(slices(folder.parent / "slices").glob("*.dcm")):
            archive.write(path, path.name)
    return folder


def linked(folder):
    """Cohorts organized by links"""
    slices(folder / "real")
    (folder / "links").mkdir()
    (folder / "links" / "study").symlink_to(folder / "real")
    return folder / "links"


REGULAR = "made regular by linear interpolation"
CHOOSE = "mixes several phases or reconstructions: choose one with --acquisition"
CASES = {
    "PC-01": Case(interleaved_phases, "rejected", CHOOSE),
    "PC-01 as NIfTI": Case(interleaved_phases_without_a_header, "indeterminate", "even and odd slices"),
    "PC-02": Case(air_slices_amid, "rejected", "10 slices of the input file hold nothing but air"),
    "PC-04": Case(sheared, "read", REGULAR, same_voxels=False, warnings=1),
    "PC-05": Case(lambda folder: nifti(folder, qform=0, sform=0), "read", "orientation unknown", same_voxels=False),
    "PC-07": Case(two_phases_at_one_place, "rejected", CHOOSE),
    "PC-07 chosen": Case(two_phases_at_one_place, "read", options={"acquisition": "1"}),
    "PC-08": Case(enhanced, "read"),
    "PC-08b": Case(legacy_converted, "read"),
    "PC-08c": Case(lambda folder: enhanced(folder) / "enhanced.dcm", "read"),
    "PC-09": Case(damaged_other_series, "rejected", "choose one with --series"),
    "PC-09 chosen": Case(damaged_other_series, "read", "damaged files of other series", options={"series": "3"}),
    "PC-10": Case(lambda folder: edited(slices(folder), lambda content: content[132:]), "read"),
    "PC-11": Case(rounded_positions, "read", "covers only 50 mm", same_voxels=False),
    "PC-12": Case(tilted, "read", REGULAR, same_voxels=False),
    "PC-13": Case(spacing_changes, "read", REGULAR, same_voxels=False),
    "a gap": Case(isolated_gap, "rejected", "1 slices are missing"),
    "PC-14": Case(clipped, "read", "cut to a window", same_voxels=False),
    "PC-16 blank": Case(lambda folder: slices(folder, Modality=""), "read"),
    "PC-16 removed": Case(lambda folder: slices(folder, Modality=None), "read"),
    "PC-17": Case(series_uid_per_slice, "read", "every slice has a series UID of its own"),
    "PC-18": Case(padding_32767, "read", same_voxels=False),
    "PC-19": Case(padded_with_0, "read", "nothing but the value 0", same_voxels=False),
    "PC-20": Case(nan_outside, "read", "undefined voxels", same_voxels=False),
    "PC-21": Case(lambda folder: slices(folder, RescaleSlope=None), "read", "does not tell how stored numbers"),
    "PC-22": Case(lambda folder: slices(folder, RescaleType="Z_EFF"), "rejected", "something else than Hounsfield"),
    "PC-22 US": Case(lambda folder: slices(folder, RescaleType="US"), "read", "unit of its values unspecified"),
    "PC-22b": Case(lambda folder: slices(folder, LossyImageCompression="01"), "read", "compressed with losses"),
    "PC-23": Case(prior_and_current, "rejected", "2024-01-01"),
    "two patients": Case(two_patients, "rejected", "of different patients"),
    "PC-23 by words": Case(two_phases_as_series, "read", options={"series": "portal venous"}),
    "PC-23 by words of both": Case(
        two_phases_as_series, "rejected", "2 CT series have the words asked for", options={"series": "2.0"}
    ),
    "PC-25 NIfTI-2": Case(nifti_2, "read"),
    "PC-25 pair": Case(pair, "read"),
    "PC-25 pair, .img": Case(lambda folder: pair(folder, "ct.img"), "read"),
    "PC-25 Analyze": Case(analyze, "rejected", "Analyze 7.5 header, which does not tell left from right"),
    "PC-25 Analyze, .img": Case(
        lambda folder: analyze(folder, "ct.img"), "rejected", "Analyze 7.5 header, which does not tell left from right"
    ),
    "PC-25 .nii.bz2": Case(nifti_bz2, "rejected", "bzip2 archive, which has to be unpacked first"),
    "PC-26": Case(nrrd_ascii, "rejected", "uses NRRD encoding 'ascii'"),
    "PC-26 ./d.raw": Case(lambda folder: nrrd_raw(folder, data_file="./d.raw"), "read"),
    "PC-26 byte skip": Case(
        lambda folder: nrrd_raw(folder, byte_skip=-1, data_file="d.raw"), "rejected", "skips bytes"
    ),
    "PC-26 Modality first": Case(meta_modality_first, "read"),
    "units": Case(in_meters, "read"),
    "a folder of a link": Case(linked, "read"),
    "a folder of a ZIP": Case(folder_of_a_zip, "rejected", "but a ZIP archive: give the archive itself"),
    "PC-30": Case(lambda folder: edited(slices(folder), lambda content: content + bytes(5)), "read"),
}
