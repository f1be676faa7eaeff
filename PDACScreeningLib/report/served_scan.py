"""A whole scan to scroll through, handed over by a server in pieces of some slices each, as the page asks for them.

Nothing is thinned and nothing is compressed: it travels inside one machine. Slices without marks or probability have no
such piece, so that most of what lies over a scan is never made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.viewer_scan import Evidence, EvidenceLayers, in_steps, viewer_facts, viewer_layers
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.orientation import canonical_orientation
from PDACScreeningLib.volume.part import VolumePart

VOXELS_A_PIECE = 4_000_000  # ours: some 16 slices of 512 x 512


class Layer(StrEnum):
    """What a piece holds, a byte a voxel (viewer_scan says which)."""

    GRAY = "gray"
    MARKS = "marks"
    PROBABILITY = "probability"


@dataclass(frozen=True, eq=False)
class ScanParts:
    """A scan and what lies over it on its own grid, of which only what is not 0 is kept; None where there is none."""

    ct: CTVolume
    labels: VolumePart[np.uint8] | None = None
    tumor_probability: VolumePart[np.float32] | None = None
    network_labels: NetworkLabels | None = None

    @property
    def layers(self) -> EvidenceLayers:
        """What can be switched on over the scan."""
        return EvidenceLayers.of(self.network_labels, has_probability=self.tumor_probability is not None)

    def cropped(self, box: Box) -> tuple[CTVolume, Evidence]:
        """The voxels of a box of the file's array, as a scan of its own."""
        grid = self.ct.geometry.cropped(box)
        labels, probability, networks = self.labels, self.tumor_probability, self.network_labels
        here = Box((0, 0, 0), grid.shape)
        return CTVolume(self.ct.hu[box.slices], grid), Evidence(
            None if labels is None else LabelMap(labels.inside(box), grid),
            None if probability is None else VolumePart(probability.inside(box), here, grid),
            None
            if networks is None
            else NetworkLabels(networks.names, VolumePart(networks.packed.inside(box), here, grid)),
        )


class ServedScan:
    """The facts and pieces of one scan for `viewer.js`."""

    def __init__(self, screening: Screening, parts: ScanParts, address: str) -> None:
        """address: under which the pieces are asked for, as ADDRESS/gray/0."""
        self._parts = parts
        native = parts.ct.geometry
        self._orientation = canonical_orientation(native)
        self._shape = self._orientation.canonical_geometry(native).shape
        self._slices = max(1, VOXELS_A_PIECE // (self._shape[1] * self._shape[2]))
        whole = Box((0, 0, 0), self._shape)
        self.facts: dict[str, Any] = {
            **viewer_facts(screening, native, parts.labels, parts.layers, whole),
            "pieces": [
                {"layer": layer.value, "first": box.start[0], "address": f"{address}/{layer}/{number}"}
                for number, box in enumerate(self._boxes())
                for layer in Layer
                if self._has(layer, box)
            ],
        }

    def piece(self, layer: Layer, number: int) -> bytes:
        """The bytes of a piece, (z, y, x) in canonical order. Raises IndexError for a number that is not there."""
        box = self._boxes()[number]
        ct, evidence = self._parts.cropped(self._orientation.native_box(box, self._parts.ct.geometry))
        hu, marks, probability = viewer_layers(ct, evidence, Box((0, 0, 0), box.shape))
        if layer is Layer.GRAY:
            return in_steps(hu).tobytes()
        return (marks if layer is Layer.MARKS else probability).tobytes()

    def _boxes(self) -> list[Box]:
        z, y, x = self._shape
        return [Box((first, 0, 0), (min(first + self._slices, z), y, x)) for first in range(0, z, self._slices)]

    def _has(self, layer: Layer, box: Box) -> bool:
        """Whether a piece may hold something."""
        native = self._orientation.native_box(box, self._parts.ct.geometry)
        parts = self._parts
        packed = None if parts.network_labels is None else parts.network_labels.packed
        over: dict[Layer, list[VolumePart[Any] | None]] = {
            Layer.MARKS: [parts.labels, packed],
            Layer.PROBABILITY: [parts.tumor_probability],
        }
        return layer is Layer.GRAY or any(
            part is not None and part.box.shared(native) is not None for part in over[layer]
        )
