"""A segmentation of another program from its files: it answers for a scan in the place of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.datasets.label_grid import require_same_voxels
from PDACScreeningLib.errors import GeometryMismatch, InputRejected
from PDACScreeningLib.progress import OnProgress, Progress
from PDACScreeningLib.scan_files.byte_stream import read_planes
from PDACScreeningLib.scan_files.dicom_segmentation import is_dicom_segmentation, read_dicom_segmentation
from PDACScreeningLib.scan_files.file_header import read_header
from PDACScreeningLib.scan_files.header_geometry import header_geometry
from PDACScreeningLib.scan_files.hounsfield import scaled
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.segmentation_file import read_segmentation
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.given_labels import judged
from PDACScreeningLib.session.record import ScreeningRecord
from PDACScreeningLib.session.screener import ScanRequest, read_requested
from PDACScreeningLib.session.structure_key import StructureKey, anatomy_of, few, labels_of, unnamed
from PDACScreeningLib.volume.anatomy import Anatomy
from PDACScreeningLib.volume.arrays import PROBABILITY_ZYX
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation

_SEGMENTATION, _PROBABILITY = "the segmentation", "the probability map"  # file names tell patients


@dataclass(frozen=True)
class GivenFile:
    """What another program left of a scan, what its numbers mean, and how it is counted."""

    segmentation: Path
    key: StructureKey
    probability: Path | None = None
    config: ScreeningConfig = field(default_factory=ScreeningConfig)

    @property
    def places(self) -> Mapping[Path, str]:
        """Words for the places of files, which no output names."""
        files = {self.segmentation: _SEGMENTATION}
        return files if self.probability is None else {**files, self.probability: _PROBABILITY}

    def get_ready(self, record: ScreeningRecord, tell: Callable[[str], None]) -> None:
        """Nothing has to be loaded: no network runs."""
        tell(f"The labels are given: {self.key}.")

    def run(
        self,
        request: ScanRequest,
        record: ScreeningRecord,
        on_progress: OnProgress,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Answer:
        """The answer for the scan of a request, whose protocol does not matter here.

        A file of another grid than the scan's is refused with the difference: InputRejected. Raises every error.
        """
        read = read_requested(request, record, on_progress)
        on_progress(Progress("segmentation", 0, 1))
        with record.timed("read segmentation"):
            labels, anatomy, told = self._labels(read)
            probability = self._probability(read.volume.geometry)
        record.warnings = (*told, *record.warnings)
        on_progress(Progress("segmentation", 1, 1))
        with record.timed("findings"):
            return judged(read, record, labels, probability, self.config, anatomy)

    def _labels(self, read: ReadCT) -> tuple[LabelMap, Anatomy | None, tuple[str, ...]]:
        """Labels and anatomy on the scan's own grid, and what a reader should know of them."""
        scan = read.volume.geometry
        if is_dicom_segmentation(self.segmentation):
            stored = read_dicom_segmentation(self.segmentation, _SEGMENTATION, scan, read.slices)
        else:
            stored = read_segmentation(self.segmentation, _SEGMENTATION)
        _require_on_scan(stored.geometry, scan, "segmentation")
        labels, anatomy = labels_of(stored, self.key), anatomy_of(stored, self.key)
        left = unnamed(stored, self.key)
        ignored = (f"Of the segmentation {few(left)} were not named and count as background.",) if left else ()
        if anatomy is not None:
            anatomy = Anatomy(_as_scan(anatomy.structures, stored.geometry, scan), scan, anatomy.looked_at)
        own = LabelMap(_as_scan(labels.labels, stored.geometry, scan), scan)
        return own, anatomy, (f"In it {self.key}.", *ignored)

    def _probability(self, scan: Geometry) -> PROBABILITY_ZYX | None:
        if self.probability is None:
            return None
        header, _ = read_header(self.probability, _PROBABILITY)
        geometry = header_geometry(header).geometry
        _require_on_scan(geometry, scan, "probability map")
        values = np.empty(header.shape, np.float32)
        for z, plane in enumerate(read_planes(header)):
            values[z] = scaled(plane, header.slope, header.intercept)
        if not bool((values >= 0).all() and (values <= 1).all()):  # NaN is neither
            raise InputRejected(
                f"{_PROBABILITY} holds values from {values.min():g} to {values.max():g}: give the probability of tumor "
                "between 0 and 1"
            )
        return _as_scan(values, geometry, scan)


def _require_on_scan(own: Geometry, scan: Geometry, what: str) -> None:
    try:
        require_same_voxels(own, scan, what)
    except GeometryMismatch as error:
        raise InputRejected(str(error)) from error


def _as_scan(array: NDArray[Any], own: Geometry, scan: Geometry) -> NDArray[Any]:
    """The same voxels in the order of axes that the scan has."""
    return np.ascontiguousarray(canonical_orientation(scan).to_native(canonical_orientation(own).to_canonical(array)))
