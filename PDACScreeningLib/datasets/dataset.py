"""What is known of a data set, and what was found of it in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping


@dataclass(frozen=True)
class DatasetFacts:
    """What to know before training on a data set."""

    name: str  # for the command line and in front of case names
    title: str
    license: str  # one line
    source: str  # one sentence for the store and the model card: what the cases are
    labels: str  # one sentence: which stored label is called what
    traps: tuple[str, ...]  # one sentence each
    any_mass: bool = False  # its tumors are masses of any kind, so that another data set's "no PDAC" knows better


@dataclass(frozen=True)
class Dataset:
    """The cases of a data set in a folder.

    notes: what lies in the folder and was not taken, or should be there and is not; one sentence each.
    """

    facts: DatasetFacts
    cases: tuple[DataCase, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataCase:
    """One scan with its truth. patient_id: cases of one patient never stand on both sides of a split."""

    case_id: str  # unique in a store, and the name of its files there
    patient_id: str
    image: Path  # a file, or a folder of DICOM slices
    labels: Path  # a file, or the folder of `masks`
    label_mapping: LabelMapping = OWN_LABELS
    dataset: str = ""  # short name of its data set, such as "msd"
    position_may_differ: bool = False  # the label map has the scan's voxels, but its header may place them elsewhere
    traits: tuple[str, ...] = ()  # what is known of the case, such as its contrast; figures are told by it too
    masks: tuple[tuple[str, Label], ...] = ()  # files of the folder `labels`, one a structure (binary_masks)
    has_tumor: bool | None = None  # what the data set says beside its label map; None: nothing
    mirrored: tuple[bool, bool, bool] = (False, False, False)  # label map to be mirrored along canonical (z, y, x)
