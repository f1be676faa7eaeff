"""CT slices as a scanner would write them, to be spoiled one way at a time."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from stored_scans import body_hu

from PDACScreeningLib.scan_files.slice_header import CT_IMAGE

SHAPE = (20, 24, 28)
SERIES = generate_uid(entropy_srcs=["series"])


def slice_dataset(hu, *, position_mm, number, series=SERIES, **changes):
    """One CT slice. hu: (y, x). A change of None removes the element."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CT_IMAGE
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    dataset.SeriesInstanceUID = series
    dataset.SeriesNumber = 3
    dataset.SeriesDescription = "portal venous 2.0"
    dataset.InstanceNumber = number
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "MRN12345"
    dataset.StudyDate, dataset.AccessionNumber = "20260102", "ACC678"
    dataset.ImagePositionPatient = [float(mm) for mm in position_mm]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [3.0, 2.5]  # rows are 3.0 mm apart (y), columns 2.5 mm (x)
    dataset.SliceThickness = 3.0
    dataset.Rows, dataset.Columns = hu.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelData = np.clip(hu.astype(int) + 1024, 0, 4095).astype("<u2").tobytes()
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def body_slices(*, hu=None, positions_mm=None, **changes):
    """Twenty slices of the test body, 3 mm apart, the lowest first."""
    hu = body_hu(SHAPE) if hu is None else hu
    positions_mm = [(-35.0, -36.0, 100.0 + 3.0 * z) for z in range(len(hu))] if positions_mm is None else positions_mm
    return [
        slice_dataset(plane, position_mm=position, number=number + 1, **changes)
        for number, (plane, position) in enumerate(zip(hu, positions_mm, strict=True))
    ]


def write_series(folder: Path, datasets, *, prefix="ct", order=None):
    """Write datasets as ct_000.dcm, ct_001.dcm, ...; `order` permutes the names."""
    folder.mkdir(parents=True, exist_ok=True)
    order = range(len(datasets)) if order is None else order
    for name, dataset in zip(order, datasets, strict=True):
        dataset.save_as(folder / f"{prefix}_{name:03d}.dcm", enforce_file_format=True)
    return folder
