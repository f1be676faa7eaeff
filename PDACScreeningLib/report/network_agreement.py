"""Whether the networks agree: one line of every output, for the answer is only their mean (section 2.3)."""

from __future__ import annotations

from PDACScreeningLib.screening_result import Screening


def network_agreement(screening: Screening) -> str:
    """2 of 3 networks alone call a tumor; not the 64^3, which sees most context. Empty where no network ran."""
    if not screening.scales or screening.protocol is None:
        return ""
    needed = screening.protocol.decision.min_tumor_voxels
    silent = [scale.patch_size for scale in screening.scales if scale.tumor_voxels < needed]
    count, total = len(screening.scales) - len(silent), len(screening.scales)
    said = f"{count} of {total} networks alone call a tumor"
    if not 0 < count < total:
        return f"{said}."
    names = " and ".join(f"the {size}^3" for size in silent)
    context = ", which sees most context" if silent == [screening.scales[0].patch_size] else ""
    return f"{said}; not {names}{context}."
