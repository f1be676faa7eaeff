"""A phantom as a series of DICOM slices, as a scanner would send it. It says everywhere that it is no patient."""

from __future__ import annotations

import io
import uuid
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from PDACScreeningLib.atomic_file import write_bytes
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.phantom.generator import Phantom
from PDACScreeningLib.scan_files.slice_header import CT_IMAGE
from PDACScreeningLib.volume.arrays import HU_ZYX

_NAMESPACE = uuid.UUID("7d0f8f0c-3a86-5d0b-9a0e-2b8f6c1d9e44")  # fixed for ever
_INTERCEPT = -1024  # stored values are HU + 1024
_LARGEST_STORED = 4095


def write_dicom_series(phantom: Phantom, folder: Path) -> Path:
    """Write 0001.dcm, 0002.dcm, ... into `folder`, from the feet upwards, and return it. Raises WriteError.

    Equal phantoms give equal bytes: identifiers are made of seed, grid and voxels. Two phantoms never share one.
    """
    ct, name = phantom.ct, f"phantom {phantom.specification.seed}"
    parts = (name, str(ct.geometry), voxels_sha256(ct.hu))
    for z, plane in enumerate(ct.hu):
        image = _image(plane, parts, z)
        image.ImagePositionPatient = [f"{mm:.8g}" for mm in ct.geometry.index_to_world((z, 0, 0))]
        image.ImageOrientationPatient = [f"{value:.8g}" for value in ct.geometry.axes[:, :2].T.ravel()]
        x_mm, y_mm, z_mm = ct.geometry.spacing_mm
        image.PixelSpacing, image.SliceThickness = [f"{y_mm:.8g}", f"{x_mm:.8g}"], f"{z_mm:.8g}"
        stream = io.BytesIO()
        image.save_as(stream, enforce_file_format=True)
        write_bytes(folder / f"{z + 1:04}.dcm", stream.getvalue())
    return folder


def _image(plane: HU_ZYX, parts: tuple[str, ...], z: int) -> Dataset:
    """One slice but for its place. plane: (y, x) HU."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CT_IMAGE, _uid(*parts, str(z))
    image.StudyInstanceUID, image.SeriesInstanceUID = _uid(*parts, "study"), _uid(*parts, "series")
    image.FrameOfReferenceUID, image.PositionReferenceIndicator = _uid(*parts, "frame"), ""
    image.PatientName, image.PatientID = f"Phantom^{parts[0].split()[-1]}", parts[0].upper().replace(" ", "-")
    image.PatientBirthDate, image.PatientSex, image.ReferringPhysicianName = "", "O", ""
    image.StudyDate, image.StudyTime, image.AccessionNumber, image.StudyID = "20200101", "120000", "", "1"
    image.Modality, image.Manufacturer, image.SeriesNumber, image.InstanceNumber = "CT", "PDACScreening", 1, z + 1
    image.SeriesDescription, image.BodyPartExamined = "synthetic portal venous phantom", "ABDOMEN"
    image.ImageType, image.KVP, image.AcquisitionNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], "120", 1
    image.PatientPosition, image.RescaleType = "HFS", "HU"
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.Rows, image.Columns = plane.shape
    image.RescaleSlope, image.RescaleIntercept = 1, _INTERCEPT
    image.PixelData = np.clip(plane.astype(np.int32) - _INTERCEPT, 0, _LARGEST_STORED).astype("<u2").tobytes()
    return image


def _uid(*parts: str) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(parts)).int}"
