"""Outlines of pancreas and tumor: transparent pictures that lie over a CT slice and can be taken away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from PDACScreeningLib.report.image_plane import ImagePlane, sample_label
from PDACScreeningLib.report.segment_terminology import RGB
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.label_map import Label, LabelMap

_OVERSAMPLING = 2  # smooths the staircase of pixels
_CASING_PX = 1.2  # a dark edge on both sides keeps a bright line visible on gray tissue
CASING_RGB: RGB = (0, 0, 0)
_ROOM_PX = 12  # around a label, for the outer half of its line


@dataclass(frozen=True)
class LineStyle:
    """How a label is outlined. Width differs as well as color, for readers who cannot tell the colors apart."""

    label: Label
    width_px: float
    rgb: RGB  # brighter than the segment in Slicer, which has too little contrast against tissue of 40 to 110 HU

    @property
    def color(self) -> str:
        """#rrggbb."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


LINES = (  # the tumor is drawn last, on top
    LineStyle(Label.PANCREAS, 2.0, (86, 180, 233)),
    LineStyle(Label.TUMOR, 4.0, (230, 159, 0)),
)


def outlines(label_map: LabelMap, plane: ImagePlane) -> Image.Image:
    """RGBA picture of the outlines in a plane; fully transparent where the plane meets neither label."""
    fine = replace(plane, pixels=plane.pixels * _OVERSAMPLING)
    picture = Image.new("RGBA", (plane.pixels, plane.pixels))
    for line in LINES:
        box = bounding_box(label_map.labels == line.label)
        if box is None:
            continue
        labeled = label_map.cropped(box.padded(1, label_map.labels.shape))
        part = fine.part_of(labeled.geometry, _ROOM_PX, _OVERSAMPLING)
        if part is None:
            continue
        place = (part[1].start // _OVERSAMPLING, part[0].start // _OVERSAMPLING)
        distance = edge_distance(sample_label(labeled, line.label, fine, part))
        for rgb, room_px in ((CASING_RGB, _CASING_PX), (line.rgb, 0.0)):
            picture.alpha_composite(_layer(rgb, _coverage(distance, line.width_px / 2 + room_px)), place)
    return picture


def edge_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of every pixel center from the edge of a (row, column) mask, in pixels.

    ..##..  ->  1.5 0.5 0.5 0.5 0.5 1.5

    Infinite far from the mask, where no line reaches, and everywhere when the mask is empty or full.
    """
    distance = np.full(mask.shape, np.inf, np.float32)
    if mask.any() and not mask.all():
        near = _with_room(mask)
        outside = ndimage.distance_transform_edt(~mask[near])
        inside = ndimage.distance_transform_edt(mask[near])
        distance[near] = outside + inside - 0.5
    return distance


def _with_room(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The box of the true pixels, of which there is one at least, grown by `_ROOM_PX`."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(0, int(rows[0]) - _ROOM_PX), int(rows[-1]) + 1 + _ROOM_PX),
        slice(max(0, int(columns[0]) - _ROOM_PX), int(columns[-1]) + 1 + _ROOM_PX),
    )


def _coverage(distance: NDArray[np.float32], half_width_px: float) -> NDArray[np.float32]:
    """How much of each pixel of the final picture a line covers, 0 to 1. distance: in oversampled pixels."""
    fine = np.clip(half_width_px * _OVERSAMPLING + 0.5 - distance, 0, 1)
    rows, columns = (length // _OVERSAMPLING for length in fine.shape)
    mean: NDArray[np.float32] = fine.reshape(rows, _OVERSAMPLING, columns, _OVERSAMPLING).mean(axis=(1, 3))
    return mean


def _layer(rgb: RGB, alpha: NDArray[np.float32]) -> Image.Image:
    layer = np.empty((*alpha.shape, 4), np.uint8)
    layer[..., :3] = rgb
    layer[..., 3] = np.rint(255 * alpha)
    return Image.fromarray(layer)
