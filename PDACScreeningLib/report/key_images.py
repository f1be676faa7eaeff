"""Key images: the slices a radiologist would turn to first, with outlines that can be taken away.

Each key image is two PNG pictures of one size that lie on top of each other: the CT with patient directions and a
scale bar, and the outlines of pancreas and tumor on a transparent ground.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from PDACScreeningLib.report.annotation import annotate
from PDACScreeningLib.report.image_plane import AXIAL, VIEWS, ImagePlane, View, sample_hu, whole_plane, world_bounds
from PDACScreeningLib.report.image_target import ImageTarget, image_targets, labeled_part
from PDACScreeningLib.report.outline import outlines
from PDACScreeningLib.screening_result import Finding
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import LabelMap

WINDOW_WIDTH_HU, WINDOW_LEVEL_HU = 400, 40  # soft tissue of the abdomen
PIXELS = 480  # side of a picture
_FRAME_RGBA = (255, 255, 255, 170)


@dataclass(frozen=True)
class KeyImage:
    """One picture of one plane, and the words for it."""

    caption: str
    description: str  # for readers who do not see it
    picture_png: bytes
    outlines_png: bytes | None  # None when nothing is labeled
    view: View


@dataclass(frozen=True)
class KeyImageSet:
    """The pictures of one target."""

    target: str
    point_lps_mm: XYZ
    voxel_xyz: tuple[int, int, int]  # of the scan's own grid, nearest to the point, counted from 0
    images: tuple[KeyImage, ...]


def key_image_sets(ct: CTVolume, label_map: LabelMap | None, findings: tuple[Finding, ...]) -> tuple[KeyImageSet, ...]:
    """Three planes through the first target, whole and close up; an axial close-up of each further finding.

    ct, label_map: in the same patient coordinates, in any orientation. Without a label map, or with an empty one, the
    pictures show the middle of the scan.
    """
    sheet = _LightBox(ct, labeled_part(label_map))
    first, *further = image_targets(ct.geometry, sheet.labeled, findings)
    wholes = [sheet.whole(view, first) for view in VIEWS]
    close_ups = [sheet.close_up(view, first, first.close_up_mm) for view in VIEWS if first.close_up_mm is not None]
    sets = [sheet.image_set(first, [*wholes, *close_ups])]
    for target in further:
        if target.close_up_mm is not None:
            sets.append(sheet.image_set(target, [sheet.close_up(AXIAL, target, target.close_up_mm)]))
    return tuple(sets)


def ct_picture(ct: CTVolume, plane: ImagePlane) -> Image.Image:
    """Gray picture of a plane in the abdominal window: -160 HU and below black, 240 HU and above white."""
    lowest_hu = WINDOW_LEVEL_HU - WINDOW_WIDTH_HU / 2
    gray = np.clip((sample_hu(ct, plane) - lowest_hu) / WINDOW_WIDTH_HU, 0, 1)
    return Image.fromarray(np.rint(255 * gray).astype(np.uint8))


@dataclass(frozen=True, eq=False)
class _LightBox:
    """A scan and what is labeled in it (None: nothing), to hang pictures of."""

    ct: CTVolume
    labeled: LabelMap | None

    def whole(self, view: View, target: ImageTarget) -> KeyImage:
        """A slice as wide as the scan; a frame shows where the close-up lies."""
        low, high = world_bounds(self.ct.geometry)
        side_mm = float((high - low)[:2].max())
        plane = whole_plane(view, self.ct.geometry, target.point_lps_mm, side_mm, PIXELS)
        return self._key_image(plane, target, f"{view.name} slice", target.close_up_mm)

    def close_up(self, view: View, target: ImageTarget, side_mm: float) -> KeyImage:
        """A part of a slice, `side_mm` wide, around the target."""
        plane = ImagePlane(view, target.point_lps_mm, side_mm, PIXELS)
        return self._key_image(plane, target, f"{view.name} close-up", None)

    def image_set(self, target: ImageTarget, images: list[KeyImage]) -> KeyImageSet:
        """Pictures with the place they show."""
        geometry = self.ct.geometry
        index = np.rint(geometry.world_to_index(target.point_lps_mm))
        k, j, i = (int(inside) for inside in np.clip(index, 0, np.array(geometry.shape) - 1))
        return KeyImageSet(target.name, target.point_lps_mm, (i, j, k), tuple(images))

    def _key_image(self, plane: ImagePlane, target: ImageTarget, caption: str, frame_mm: float | None) -> KeyImage:
        picture = ct_picture(self.ct, plane)
        annotate(picture, plane, target.point_lps_mm)
        description = _description(caption, plane, target)
        if self.labeled is None:
            return KeyImage(caption, description, _png(picture), None, plane.view)
        overlay = outlines(self.labeled, plane)
        if frame_mm is not None:
            _draw_frame(overlay, plane, target.point_lps_mm, frame_mm)
        words = f"{description} Outlines where the plane meets them: pancreas thin and blue, tumor thick and orange."
        return KeyImage(caption, words, _png(picture), _png(overlay), plane.view)


def _description(caption: str, plane: ImagePlane, target: ImageTarget) -> str:
    left, right, top, bottom = plane.view.edges
    return (
        f"{caption} of the CT through {target.name}, {plane.side_mm:.0f} mm wide; "
        f"left is {left}, right is {right}, top is {top}, bottom is {bottom} of the patient."
    )


def _draw_frame(overlay: Image.Image, plane: ImagePlane, center_lps_mm: XYZ, side_mm: float) -> None:
    row, column = plane.pixel_of(center_lps_mm)
    half = side_mm / plane.pixel_mm / 2
    box = (column - half, row - half, column + half, row + half)
    ImageDraw.Draw(overlay).rectangle(box, outline=_FRAME_RGBA, width=1)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")  # `optimize` saves 3 % and takes five times as long
    return buffer.getvalue()
