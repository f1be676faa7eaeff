"""Pictures of the scans on the wrong side of the rule: the slice that matters, with truth and answer outlined."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.document import Picture
from PDACScreeningLib.report.annotation import annotate
from PDACScreeningLib.report.image_plane import AXIAL, ImagePlane
from PDACScreeningLib.report.key_images import ct_picture
from PDACScreeningLib.report.outline import outlines
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label, LabelMap

GALLERY = "gallery"
LEGEND = "Left the truth, right what was found: pancreas thin and blue, tumor thick and orange."
_SIDE_MM = 160.0
_PIXELS = 320
_GAP = 4


@dataclass(frozen=True, eq=False)
class GalleryCase:
    """A reading and its voxels on the working grid; truth and found (z, y, x) uint8."""

    result: CaseResult
    ct: CTVolume
    truth: NDArray[np.uint8]
    found: NDArray[np.uint8]


def wrong_readings(cases: tuple[CaseResult, ...], rule: DecisionRule, limit: int) -> tuple[CaseResult, ...]:
    """Misses, the largest tumor first, then false alarms, the highest score first; at most `limit` of each."""
    wrong = [case for case in cases if is_called(case, rule) != case.has_tumor]
    misses = sorted((case for case in wrong if case.has_tumor), key=lambda case: -case.true_tumor_voxels)
    alarms = sorted((case for case in wrong if not case.has_tumor), key=lambda case: -case.rows[COMBINED].score)
    return (*misses[:limit], *alarms[:limit])


def is_called(case: CaseResult, rule: DecisionRule) -> bool:
    """Whether all networks together call a scan."""
    row = case.rows[COMBINED]
    return rule.calls(row.tumor_voxels, row.score)


def draw(case: GalleryCase) -> bytes:
    """PNG of one axial slice twice, side by side, through the middle of the tumor of the truth, else of the answer."""
    target = case.truth if case.result.has_tumor else case.found
    plane = ImagePlane(AXIAL, _middle(target, case.ct), _SIDE_MM, _PIXELS)
    halves = [_half(case.ct, labels, plane) for labels in (case.truth, case.found)]
    sheet = Image.new("RGB", (2 * _PIXELS + _GAP, _PIXELS), (255, 255, 255))
    for number, half in enumerate(halves):
        sheet.paste(half, (number * (_PIXELS + _GAP), 0))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def picture(case: CaseResult, path: str) -> Picture:
    """The words for a picture."""
    row = case.rows[COMBINED]
    kind = f"Missed: tumor of {case.true_tumor_diameter_mm:.0f} mm" if case.has_tumor else "False alarm"
    caption = f"{kind}, {case.case_id}: {row.tumor_voxels} tumor voxels found, score {row.score:.3f}."
    return Picture(path, caption, f"{caption} Axial slice. {LEGEND}", is_wide=False)


def _half(ct: CTVolume, labels: NDArray[np.uint8], plane: ImagePlane) -> Image.Image:
    ground = ct_picture(ct, plane)
    annotate(ground, plane, plane.center_lps_mm)
    lines = outlines(LabelMap(labels, ct.geometry), plane)
    return Image.alpha_composite(ground.convert("RGBA"), lines).convert("RGB")


def _middle(labels: NDArray[np.uint8], ct: CTVolume) -> XYZ:
    """The tumor voxel nearest to the tumor's centroid, in the world; the middle of the scan without a tumor."""
    indices = np.argwhere(labels == Label.TUMOR)
    index = (np.array(ct.geometry.shape) - 1) / 2
    if len(indices):
        index = indices[np.linalg.norm(indices - indices.mean(axis=0), axis=1).argmin()].astype(np.float64)
    x, y, z = (float(mm) for mm in ct.geometry.index_to_world(index))
    return (x, y, z)
