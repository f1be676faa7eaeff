"""What stands against believing that there is no tumor: "no suspicious region" needs a pancreas that was looked at.

The paper's rule calls every scan below K voxels a normal. A gland that was missed, cut off or filtered away gives the
same count, so each of these doubts turns such a call into INDETERMINATE (ADR 0019); a suspicious call stays.
"""

from __future__ import annotations

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.quantity_words import volume_and_voxels
from PDACScreeningLib.volume.arrays import HU_ZYX, LABELS_ZYX, Planes
from PDACScreeningLib.volume.box import Box, bounding_box

CUT_OFF = (
    "The segmented pancreas or tumor reaches the border of the scan: part of the pancreas may not have been imaged, "
    "and a tumor there cannot be found."
)
NO_GLAND = "The coarse scan found a pancreas, but the networks together did not confirm it."
NOT_NORMAL = "This is not a normal result."


def doubts(
    protocol: Protocol,
    *,
    pancreas_voxels: int,
    tumor_voxels: int,
    removed_tumor_voxels: int,
    reaches_border: bool,
    unlike_training: str = "",
) -> tuple[str, ...]:
    """Every doubt in a sentence, the gravest first; () when there is none.

    pancreas_voxels (outside the tumor), tumor_voxels: of the working grid, after the component filter.
    removed_tumor_voxels: what that filter took away. reaches_border: whether the gland touches a face of the scan.
    unlike_training: `TrainingRange.unlike`.
    """
    found = (
        _missed(protocol, pancreas_voxels, tumor_voxels),
        CUT_OFF if reaches_border else None,
        _removed(protocol, removed_tumor_voxels),
        unlike_training or None,
    )
    return tuple(doubt for doubt in found if doubt is not None)


def reaches_border(labels: LABELS_ZYX, hu: Planes | None = None) -> bool:
    """Whether pancreas or tumor touch a face of what was scanned; False when there is neither.

    labels: (z, y, x) of the whole scan. hu: the same voxels. Slices of nothing but air at the lower or upper end were
    filled in or show no body; what was scanned ends before them, and the gland touches that end from one slice on, for
    resampling blurs it.
    """
    box = bounding_box(labels)
    return box is not None and box_reaches_border(box, labels.shape, hu)


def box_reaches_border(gland: Box, shape: tuple[int, ...], hu: Planes | None) -> bool:
    """`reaches_border` of a gland that fills a box of a scan of this shape. Few planes of `hu` are looked at."""
    if 0 in gland.start or any(stop == length for stop, length in zip(gland.stop, shape, strict=True)):
        return True
    if hu is None:
        return False
    low = next((z for z in range(len(hu)) if _shows_tissue(hu[z])), 0)
    high = next((z for z in range(len(hu), low, -1) if _shows_tissue(hu[z - 1])), len(hu))
    below, above = low > 0 and gland.start[0] <= low + 1, high < len(hu) and gland.stop[0] >= high - 1
    return below or above


def _shows_tissue(plane: HU_ZYX) -> bool:
    return bool((plane > ScreeningConfig.body_threshold_hu).any())


def left_out_warning(protocol: Protocol, voxels: int) -> str:
    """What the component rule took away, for a reader; empty when nothing."""
    if voxels == 0:
        return ""
    share = f"{100 * protocol.components.min_fraction:g} % of the largest region"
    lies = "was left out: it lies" if voxels == 1 else "were left out: they lie"
    amount = volume_and_voxels(voxels * protocol.voxel_mm3, voxels)
    return f"{amount} of tumor {lies} in a separate region of not more than {share}."


def _missed(protocol: Protocol, pancreas_voxels: int, tumor_voxels: int) -> str | None:
    if pancreas_voxels + tumor_voxels == 0:
        return NO_GLAND
    least, found = protocol.assessment.min_pancreas_ml, pancreas_voxels * protocol.voxel_mm3 / 1000
    if found >= least:
        return None
    return f"Only {found:.1f} mL of pancreas were segmented (less than {least:g} mL): it was probably missed."


def _removed(protocol: Protocol, voxels: int) -> str | None:
    if voxels < protocol.decision.min_tumor_voxels:
        return None
    return left_out_warning(protocol, voxels)
