"""What the header of one CT slice says: of a DICOM file of its own, or of one frame of a multi-frame file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.scan_files.pixel_place import PixelPlace

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_CONVERTED_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2.2"
MULTI_FRAME_CT = (ENHANCED_CT_IMAGE, LEGACY_CONVERTED_CT_IMAGE)


@dataclass(frozen=True)
class SeriesWords:
    """What tells a series from others, for the terminal alone. Empty where the file says nothing."""

    uid: str = ""
    number: str = ""
    description: str = ""  # empty when it mentions the patient
    date: str = ""  # of the study
    kernel: str = ""


@dataclass(frozen=True)
class Rescale:
    """stored * slope + intercept = Hounsfield units, if `kind` allows it. None where the file says nothing."""

    slope: float | None = None
    intercept: float | None = None
    kind: str = ""  # RescaleType, in capitals

    @property
    def is_told(self) -> tuple[bool, bool]:
        """Whether the file tells slope and intercept."""
        return self.slope is not None, self.intercept is not None


@dataclass(frozen=True)
class Acquisition:
    """What may differ between the acquisitions and reconstructions that one series holds."""

    number: str = ""
    temporal_position: str = ""
    time_s: float | None = None  # since midnight
    kernel: str = ""
    tube_voltage: str = ""
    contrast: str = ""
    image_type: tuple[str, ...] = ()


@dataclass(frozen=True)
class SliceHeader:
    """The part of a DICOM header that a CT volume rests on. What the file does not say is None or empty."""

    path: Path
    frame: int  # 0 in a file of one slice
    series: SeriesWords
    identity: tuple[int, int, int]  # hashes of patient, study and frame of reference: to be compared, never told
    modality: str
    sop_class: str
    sop_instance: str
    acquisition: Acquisition
    rows: int
    columns: int
    gray: bool  # one MONOCHROME2 number per pixel
    position_mm: tuple[float, ...] | None  # (x, y, z) LPS of the first pixel
    orientation: tuple[float, ...] | None  # directions of a row and of a column, LPS
    pixel_spacing_mm: tuple[float, ...] | None  # between rows (y), between columns (x)
    thickness_mm: float | None
    rescale: Rescale
    pixels: PixelPlace | None
    lossy: bool = False
    without_contrast: bool = False  # words of the header say so
    image_number: str = ""  # of a file of one slice, as it stands there

    @property
    def is_multi_frame(self) -> bool:
        """Whether the file holds the whole series."""
        return self.sop_class in MULTI_FRAME_CT

    @property
    def is_ct(self) -> bool:
        """Whether this is a CT slice, and no scout view. A blank modality is filled by the class of the object."""
        known = self.sop_class == CT_IMAGE or self.is_multi_frame
        return known and self.modality in ("CT", "") and "LOCALIZER" not in self.acquisition.image_type
