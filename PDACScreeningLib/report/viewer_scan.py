"""The part of a scan that the page can be scrolled through: around the gland, small enough to travel with the report.

Voxels are those of the file, in canonical order (patient right on the left, never interpolated), so what the page shows
under the pointer is what the file holds. Only a part too large for a page is thinned, and then in its slices alone.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.image_numbers import slice_index
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.outcome_banner import size
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.volume.arrays import HU_ZYX
from PDACScreeningLib.volume.box import Box
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.orientation import Orientation, canonical_orientation
from PDACScreeningLib.volume.part import VolumePart

LOWEST_HU, HU_A_STEP = -200, 2  # ours: 8 bits hold -200 to 310 HU, all that soft tissue windows show
MARGIN_MM = (40.0, 50.0, 50.0)  # ours, (z, y, x) around pancreas and tumor: room for vessels and ducts (ADR 0039)
MIDDLE_MM = 120.0  # ours: side of what is shown where nothing is labeled
MOST_BYTES = 3_500_000  # ours: of voxels in a page of at most 5 MB
_LABEL_BITS = 2
MOST_NETWORKS = 6  # in the byte of a mark; of a larger ensemble the first ones are shown
_MOST_THINNING = 4
_GZIP = 31  # "window bits" of zlib: with the header of gzip, without time or name


@dataclass(frozen=True, eq=False)
class Evidence:
    """What lies over a scan, on its own grid; None where the outcome has none."""

    labels: LabelMap | None = None
    probability: VolumePart[np.float32] | None = None
    network_labels: NetworkLabels | None = None

    @property
    def layers(self) -> EvidenceLayers:
        """What of it can be switched on."""
        return EvidenceLayers.of(self.network_labels, has_probability=self.probability is not None)


@dataclass(frozen=True)
class EvidenceLayers:
    """What can be switched on over a scan, beside its labels."""

    networks: tuple[str, ...] = ()
    has_probability: bool = False

    @classmethod
    def of(cls, networks: NetworkLabels | None, *, has_probability: bool) -> EvidenceLayers:
        """networks: of which the first ones find room in a mark."""
        return cls(() if networks is None else networks.names[:MOST_NETWORKS], has_probability)


@dataclass(frozen=True)
class ViewerScan:
    """What the script of the page reads: facts as JSON, voxels as base64 of gzip."""

    facts: dict[str, Any]
    voxels: str


def viewer_scan(screening: Screening, ct: CTVolume, evidence: Evidence, *, most_bytes: int = MOST_BYTES) -> ViewerScan:
    """The part around the gland, or the middle of the scan where nothing is labeled.

    Bytes of the voxels, each (z, y, x) of the part in canonical order: Hounsfield units in 8 bits as differences along
    x; marks (bits 0 and 1 the label, bit 2 + i the tumor of network i); tumor probability in 8 bits.
    most_bytes: of the encoded voxels; more are thinned in x and y, by two, at most by four.
    """
    orientation = canonical_orientation(ct.geometry)
    grid = orientation.canonical_geometry(ct.geometry)
    labels = None if evidence.labels is None else VolumePart.of(evidence.labels.labels, ct.geometry)
    box = _shown_box(labels, orientation, grid)
    layers = viewer_layers(ct, evidence, box)
    step, encoded = 1, _encoded(layers, 1)
    while len(encoded) > most_bytes and step < _MOST_THINNING:
        step *= 2
        encoded = _encoded(layers, step)
    return ViewerScan(viewer_facts(screening, ct.geometry, labels, evidence.layers, box, step), encoded)


def _shown_box(labels: VolumePart[np.uint8] | None, orientation: Orientation, grid: Geometry) -> Box:
    spacing = np.array(grid.spacing_mm[::-1])
    if labels is None or not labels.values.any():
        middle, half = np.array(grid.shape) / 2, MIDDLE_MM / 2 / spacing
        low, high = middle - half, middle + half
    else:
        labeled = orientation.canonical_box(labels.box, labels.geometry)
        room = np.array(MARGIN_MM) / spacing
        low, high = np.array(labeled.start) - room, np.array(labeled.stop) + room
    start = np.clip(np.floor(low), 0, np.array(grid.shape) - 1).astype(int)
    stop = np.clip(np.ceil(high), start + 1, grid.shape).astype(int)
    z, y, x = (int(value) for value in start)
    z_stop, y_stop, x_stop = (int(value) for value in stop)
    return Box((z, y, x), (z_stop, y_stop, x_stop))


def viewer_layers(ct: CTVolume, evidence: Evidence, box: Box) -> tuple[HU_ZYX, NDArray[np.uint8], NDArray[np.uint8]]:
    """Hounsfield units, marks (bits 0 and 1 the label, bit 2 + i the tumor of network i) and probability, each
    (z, y, x) of a box of the scan in canonical order."""
    orientation = canonical_orientation(ct.geometry)
    hu, native = orientation.to_canonical(ct.hu)[box.slices], orientation.native_box(box, ct.geometry)
    marks = np.zeros(box.shape, np.uint8)
    if evidence.labels is not None:
        marks |= orientation.to_canonical(evidence.labels.labels)[box.slices]
    if evidence.network_labels is not None:
        for place, name in enumerate(evidence.network_labels.names[:MOST_NETWORKS]):
            tumor = evidence.network_labels.labels_of(name).inside(native) == Label.TUMOR
            marks |= orientation.to_canonical(tumor).astype(np.uint8) << (_LABEL_BITS + place)
    probability = np.zeros(box.shape, np.uint8)
    if evidence.probability is not None:
        for target, plane in zip(
            probability, orientation.to_canonical(evidence.probability.inside(native)), strict=True
        ):
            target[:] = np.rint(255 * plane)
    return hu, marks, probability


def _encoded(layers: tuple[HU_ZYX, NDArray[np.uint8], NDArray[np.uint8]], step: int) -> str:
    hu, marks, probability = layers
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    packed = []
    for plane in hu:  # one by one, for float32 of all takes memory
        gray = in_steps(_thinned(plane.astype(np.float32), step))
        difference = np.diff(gray, axis=1, prepend=np.zeros_like(gray[:, :1]))  # small numbers, which compress well
        packed.append(packer.compress(difference.tobytes()))
    packed += [packer.compress(plane[::step, ::step].tobytes()) for layer in (marks, probability) for plane in layer]
    return base64.b64encode(b"".join([*packed, packer.flush()])).decode("ascii")


def in_steps(hu: NDArray[np.float32] | HU_ZYX) -> NDArray[np.uint8]:
    """Hounsfield units in 8 bits: 0 is LOWEST_HU and less, each step HU_A_STEP."""
    gray: NDArray[np.uint8] = np.clip(
        np.rint((hu.astype(np.float32, copy=False) - LOWEST_HU) / HU_A_STEP), 0, 255
    ).astype(np.uint8)
    return gray


def _thinned(hu: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Means of step x step voxels of a slice (y, x), those at the edge of fewer; as many as `hu[::step, ::step]`."""
    if step == 1:
        return hu
    rows = np.add.reduceat(hu, np.arange(0, hu.shape[0], step), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, hu.shape[1], step), axis=1)
    counts = [np.diff([*range(0, length, step), length]) for length in hu.shape]
    means: NDArray[np.float32] = (sums / np.multiply.outer(counts[0], counts[1])).astype(np.float32)
    return means


def viewer_facts(
    screening: Screening,
    native: Geometry,
    labels: VolumePart[np.uint8] | None,
    layers: EvidenceLayers,
    box: Box,
    step: int = 1,
) -> dict[str, Any]:
    """What the script knows of a box of the scan in canonical order, thinned by `step`, beside its voxels.

    native: the grid of the scan. labels: on it; None where there are none.
    """
    orientation = canonical_orientation(native)
    grid = orientation.canonical_geometry(native)
    part = grid.cropped(box)
    shape_xyz = (-(-box.shape[2] // step), -(-box.shape[1] // step), box.shape[0])
    spacing = (part.spacing_mm[0] * step, part.spacing_mm[1] * step, part.spacing_mm[2])
    shift = np.array([(step - 1) / 2, (step - 1) / 2, 0.0]) * part.spacing_mm  # a thinned voxel is centered on its part
    origin = np.array(part.origin_mm) + part.axes @ shift
    findings = [_finding(finding, part, step, screening) for finding in screening.findings]
    start = findings[0]["at"] if findings else _start(labels, orientation, box, step, shape_xyz)
    return {
        "size": shape_xyz,
        "spacing": spacing,
        "origin": [float(mm) for mm in origin],
        "axes": part.axes.tolist(),
        "hu": [LOWEST_HU, HU_A_STEP],
        "start": start,
        "findings": findings,
        "slices": _slice_words(orientation, grid, box, step),
        "labeled": labels is not None,
        "networks": [f"{name} alone" for name in layers.networks],
        "hasProbability": layers.has_probability,
    }


def _finding(finding: Any, part: Geometry, step: int, screening: Screening) -> dict[str, Any]:
    z, y, x = np.rint(part.world_to_index(finding.inside_lps_mm))
    at = [int(np.clip(x, 0, part.shape[2] - 1)) // step, int(np.clip(y, 0, part.shape[1] - 1)) // step]
    at.append(int(np.clip(z, 0, part.shape[0] - 1)))
    place = "" if screening.input is None else f", slice {slice_index(finding, screening.input) + 1}"
    left_out = " (left out by the component rule)" if finding.left_out else ""
    return {"at": at, "words": f"Finding {finding.number}: {size(finding)}{place}{left_out}"}


def _start(
    labels: VolumePart[np.uint8] | None,
    orientation: Orientation,
    box: Box,
    step: int,
    shape_xyz: tuple[int, int, int],
) -> list[int]:
    """Where the gland is largest, else the middle."""
    if labels is None or not labels.values.any():
        return [length // 2 for length in shape_xyz]
    inside = orientation.to_canonical(labels.values) != Label.BACKGROUND
    z = int(inside.sum(axis=(1, 2)).argmax())
    rows, columns = np.nonzero(inside[z])
    first = np.array(orientation.canonical_box(labels.box, labels.geometry).start) - box.start
    return [int(np.median(columns) + first[2]) // step, int(np.median(rows) + first[1]) // step, int(z + first[0])]


def _slice_words(orientation: Orientation, grid: Geometry, box: Box, step: int) -> dict[str, Any]:
    """For the axis (0 x, 1 y, 2 z) that runs through the file's slices: which slice of the file each place is."""
    own = orientation.order.index(0)  # the canonical (z, y, x) axis that is the file's first
    length, flipped = grid.shape[own], orientation.flipped[own]
    thinning = 1 if own == 0 else step
    number: Callable[[int], int] = (lambda place: length - place) if flipped else (lambda place: place + 1)
    places = range(box.start[own], box.stop[own], thinning)
    return {"axis": 2 - own, "words": [f"slice {number(place)} of {length}" for place in places]}
