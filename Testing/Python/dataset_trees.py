"""Small copies of public data sets on disk: the same names and folders, scans of a few thousand voxels."""

from pathlib import Path

import numpy as np
from dicom_slices import slice_dataset, write_series

from PDACScreeningLib.scan_files.image_io import write_volume
from PDACScreeningLib.volume.geometry import Geometry

SHAPE = (36, 44, 48)
SPACING_MM = (3.0, 3.0, 3.0)
ORIGIN_MM = (-70.0, -60.0, 100.0)
GEOMETRY = Geometry(SHAPE, SPACING_MM, ORIGIN_MM)
RAS = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)  # the direction of MSD files


def gland_in_fat(seed=0, *, tumor=False):
    """hu (int16) and labels (uint8), (z, y, x): a gland off center in fat, in a wall of muscle, in air."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    body = ((y - 21.5) / 19) ** 2 + ((x - 23.5) / 21) ** 2 + 0 * z < 1
    fat = ((y - 21.5) / 17) ** 2 + ((x - 23.5) / 19) ** 2 + 0 * z < 1
    gland = ((z - 12) / 4) ** 2 + ((y - 15) / 4) ** 2 + ((x - 17) / 7) ** 2 < 1
    labels = gland.astype(np.uint8)
    if tumor:
        labels[(z - 12) ** 2 + (y - 15) ** 2 + (x - 13) ** 2 + 0 * labels <= 4] = 2
    hu = np.where(body, np.where(fat, -100, 50), -1000)
    hu = np.choose(labels, (hu, 100, 40))
    noise = np.random.default_rng(seed).normal(0, 8, SHAPE)
    return np.maximum(hu + noise, -1024).round().astype(np.int16), labels


def write(path: Path, array, geometry=GEOMETRY):
    """One file; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_volume(array, geometry, path)


def stored_in_ras(array):
    """The same voxels at the same places, with index axes to the right and to the front."""
    x, y, z = GEOMETRY.index_to_world((0, SHAPE[1] - 1, SHAPE[2] - 1))
    return array[:, ::-1, ::-1].copy(), Geometry(SHAPE, SPACING_MM, (float(x), float(y), float(z)), RAS)


def as_panorama(labels, dtype=np.float64):
    """The six structures of PANORAMA around our three labels: pancreas with a duct, and vessels in the background."""
    foreign = np.choose(labels, (0, 4, 1))
    foreign[12, 15, 15:20] = np.where(labels[12, 15, 15:20] == 1, 5, foreign[12, 15, 15:20])
    foreign[20:24, 20, 20], foreign[20:24, 20, 24], foreign[20:24, 20, 28] = 2, 3, 6
    return foreign.astype(dtype)


def msd_tree(folder: Path, cases=("pancreas_001", "pancreas_004")):
    """Task07_Pancreas with images in RAS, as the Decathlon has them; every case has a mass."""
    for seed, name in enumerate(cases):
        hu, labels = gland_in_fat(seed, tumor=True)
        write(folder / "imagesTr" / f"{name}.nii.gz", *stored_in_ras(hu))
        write(folder / "labelsTr" / f"{name}.nii.gz", *stored_in_ras(labels))
        (folder / "imagesTr" / f"._{name}.nii.gz").write_bytes(b"\0\x05\x16\x07 resource fork")
    (folder / "dataset.json").write_text(
        '{"name": "Pancreas", "labels": {"0": "background", "1": "pancreas", "2": "cancer"}}'
    )
    return folder


def nih_scan(folder: Path, number: int, hu):
    """The DICOM series of one case, as TCIA lays it out; the first file is the highest slice."""
    series = folder / f"PANCREAS_{number:04d}" / "11-24-2015-PANCREAS0001-Pancreas-18957" / "Pancreas-99667"
    slices = [
        slice_dataset(
            plane,
            position_mm=(ORIGIN_MM[0], ORIGIN_MM[1], ORIGIN_MM[2] + z * SPACING_MM[2]),
            number=len(hu) - z,
            PixelSpacing=[SPACING_MM[1], SPACING_MM[0]],
        )
        for z, plane in enumerate(hu)
    ]
    return write_series(series, slices, prefix="1", order=range(len(hu))[::-1])


def nih_tree(folder: Path, numbers=(1, 2)):
    """Scans and label maps of normal cases; label maps run to the front (y flipped), and say so in their header."""
    flipped = Geometry(
        SHAPE, SPACING_MM, (ORIGIN_MM[0], ORIGIN_MM[1] + 43 * 3.0, ORIGIN_MM[2]), (1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)
    )
    for number in numbers:
        hu, labels = gland_in_fat(100 + number)
        nih_scan(folder / "manifest-1599750808610" / "Pancreas-CT", number, hu)
        write(folder / "TCIA_pancreas_labels-02-05-2017" / f"label{number:04d}.nii.gz", labels[:, ::-1].copy(), flipped)
    return folder


def panorama_tree(folder: Path, studies=("100001_00001", "100001_00002", "100002_00001")):
    """Two batches and the label repository; the first study has PDAC and a manual label map."""
    for seed, study in enumerate(studies):
        hu, labels = gland_in_fat(200 + seed, tumor=seed == 0)
        write(folder / f"batch_{1 + seed % 2}" / f"{study}_0000.nii.gz", hu)
        kind = "manual_labels" if seed == 0 else "automatic_labels"
        dtype = np.uint16 if seed == 0 else np.float64
        write(folder / "panorama_labels" / kind / f"{study}.nii.gz", as_panorama(labels, dtype))
    return folder
