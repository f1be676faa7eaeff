"""`store.json`: which cases a store holds, which were refused, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import HUWindow
from PDACScreeningLib.datasets.dataset import DatasetFacts
from PDACScreeningLib.errors import DataError, WriteError
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.geometry import XYZ, ZYX

# 2: patients; 3: data sets, refused; 4: traits, truth on the scan's own grid; 5: compressed; 6: digests of those files
FORMAT_VERSION = 6
_READ_VERSIONS = (2, 3, 4, 5, 6)  # what 3 to 6 added has defaults
INDEX = "store.json"
_PACKED_FILES = 3  # voxels, labels, places


@dataclass(frozen=True)
class StoredCase:
    """One case of a store. Counts are voxels of the working grid."""

    case_id: str
    patient_id: str  # cases of one patient never stand on both sides of a split
    shape: ZYX
    spacing_mm: XYZ
    pancreas_voxels: int
    tumor_voxels: int
    gland_start: ZYX  # box of all pancreas and tumor voxels
    gland_stop: ZYX
    content_sha256: str  # of the voxels and labels as stored
    dataset: str = ""  # short name, such as "msd"
    scan_sha256: str = ""  # datasets/scan_identity: the same for one scan, however it is stored
    warnings: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()  # what the data set tells of the case, such as its contrast or a confounder
    native_sha256: str = ""  # of the truth on the scan's own grid, where that is kept
    body_start: ZYX | None = None  # box of the voxels that a compressed case keeps; outside it is air
    body_stop: ZYX | None = None
    packed_sha256: tuple[str, ...] = ()  # of a compressed case's files; () in stores of before: they are not compared

    def __post_init__(self) -> None:
        if self.case_id in ("", ".", "..") or set(self.case_id) & {"/", "\\", "\0"}:
            raise ValueError(f"a case is stored in files of its name, and {self.case_id!r} would lead elsewhere")
        if len(self.packed_sha256) not in (0, _PACKED_FILES):
            raise ValueError(f"case {self.case_id} has {len(self.packed_sha256)} digests of {_PACKED_FILES} files")
        if min(self.shape) < 1 or not all(0 < mm < math.inf for mm in self.spacing_mm):
            raise ValueError(f"case {self.case_id} cannot have the shape {self.shape} and spacing {self.spacing_mm} mm")

    @property
    def body(self) -> Box | None:
        """The voxels that are kept; None for a case of plain arrays, which keeps all."""
        if self.body_start is None or self.body_stop is None:
            return None
        return Box(self.body_start, self.body_stop)

    @property
    def gland(self) -> Box:
        """Smallest box covering the entire pancreas, tumor included."""
        return Box(self.gland_start, self.gland_stop)


@dataclass(frozen=True)
class RefusedCase:
    """A case that is not trained on, and why."""

    case_id: str
    dataset: str
    reason: str
    is_duplicate: bool = False  # the scan is there under another name, so nothing is missing


@dataclass(frozen=True)
class StoreIndex:
    """The content of `store.json`."""

    working_spacing_mm: float | None
    source: str  # in words: where the cases come from
    cases: tuple[StoredCase, ...]
    datasets: tuple[DatasetFacts, ...] = ()
    refused: tuple[RefusedCase, ...] = ()
    notes: tuple[str, ...] = ()  # what else a reader of the store should know, one sentence each
    is_packed: bool = False  # whether its cases are compressed
    hu_clip: tuple[int, int] | None = None  # Hounsfield units of the body were clipped to this window
    format_version: int = FORMAT_VERSION

    def require_window(self, window: HUWindow) -> None:
        """Raise DataError where voxels were clipped to less than a network looks at."""
        if self.hu_clip is None:
            return
        low, high = self.hu_clip
        if low > window.lower_hu or high < window.upper_hu:
            raise DataError(
                f"the store was clipped to {low} to {high} HU, the networks look at {window.lower_hu:g} to "
                f"{window.upper_hu:g} HU; prepare it without --clip-hu, or wider"
            )


def write_index(folder: Path, working_spacing_mm: float | None, source: str, cases: Sequence[StoredCase]) -> Path:
    """Write the `store.json` of cases that nothing else is known of. Raises WriteError."""
    return write_store_index(folder, StoreIndex(working_spacing_mm, source, tuple(cases)))


def write_store_index(folder: Path, index: StoreIndex) -> Path:
    """Write `store.json`; the store counts as finished from then on. Raises WriteError."""
    return atomic_file.write_json(folder / INDEX, to_plain(index))


def remove_index(folder: Path) -> None:
    """Take `store.json` away, because cases are about to change: an unfinished store is never trained on.

    Raises WriteError.
    """
    try:
        (folder / INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(f"could not replace {folder / INDEX}: {error.strerror}; check permissions") from error


def read_index(folder: Path) -> StoreIndex:
    """The content of `store.json`. Raises DataError when it is missing, damaged or of another version."""
    path = folder / INDEX
    try:
        index = from_plain(StoreIndex, read_json(path))
    except FileNotFoundError as error:
        raise DataError(f"{folder} is not a case store: {INDEX} is missing; run `pdac-screening prepare`") from error
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror}): give the folder of a case store") from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}; prepare the store again") from error
    if index.format_version not in _READ_VERSIONS:
        raise DataError(f"{path} has format {index.format_version}, this version reads {_READ_VERSIONS}; prepare again")
    return index
