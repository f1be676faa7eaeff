"""A case of a data set: where its scan and its label map lie, and how the label map is to be read."""

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping


@dataclass(frozen=True)
class DataCase:
    """One scan with its truth. patient_id: cases of one patient never stand on both sides of a split."""

    case_id: str  # unique in a store, and the name of its files there
    patient_id: str
    image: Path  # a file, or a folder of DICOM slices
    labels: Path
    label_mapping: LabelMapping = OWN_LABELS
    dataset: str = ""  # short name of its data set, such as "msd"
    position_may_differ: bool = False  # the label map has the scan's voxels, but its header may place them elsewhere
    mirrored: tuple[bool, bool, bool] = (False, False, False)  # label map to be mirrored along canonical (z, y, x)
