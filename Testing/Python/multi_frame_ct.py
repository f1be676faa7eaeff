"""Enhanced and Legacy Converted Enhanced CT: a whole series in one DICOM file."""

from pathlib import Path

import numpy as np
from dicom_slices import slice_dataset
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from PDACScreeningLib.scan_files.slice_header import ENHANCED_CT_IMAGE

_OF_ONE_SLICE = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"),
    "SliceThickness",
)


def group(**elements):
    """A functional group of one item."""
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return [item]


def multi_frame_dataset(
    hu, positions_mm, *, sop_class=ENHANCED_CT_IMAGE, acquisitions=None, pixel_spacing_mm=None, **changes
):
    """hu: (n, y, x), one frame each, at positions (x, y, z) mm. acquisitions: FrameAcquisitionNumber of each frame."""
    dataset = slice_dataset(hu[0], position_mm=positions_mm[0], number=1, SOPClassUID=sop_class, **changes)
    for keyword in _OF_ONE_SLICE:
        delattr(dataset, keyword)
    dataset.NumberOfFrames = len(hu)
    shared = Dataset()
    shared.PixelMeasuresSequence = group(
        PixelSpacing=[pixel_spacing_mm or 3.0, pixel_spacing_mm or 2.5], SliceThickness=3.0
    )
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelValueTransformationSequence = group(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for number, position in enumerate(positions_mm):
        frame = Dataset()
        frame.PlanePositionSequence = group(ImagePositionPatient=[float(mm) for mm in position])
        acquisition = 1 if acquisitions is None else acquisitions[number]
        frame.FrameContentSequence = group(FrameAcquisitionNumber=acquisition)
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = np.clip(np.asarray(hu, int) + 1024, 0, 4095).astype("<u2").tobytes()
    return dataset


def write_multi_frame(path: Path, dataset, *, compressed=False):
    """Save as one file; compressed: every frame in a fragment of its own (RLE)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if compressed:
        dataset.compress(RLELossless)
    dataset.save_as(path, enforce_file_format=True)
    return path
