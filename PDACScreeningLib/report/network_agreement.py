"""Whether the networks, or the folds of an ensemble, agree: one line of every output, for the answer is their mean."""

from __future__ import annotations

from PDACScreeningLib.screening_result import Screening


def network_agreement(screening: Screening) -> str:
    """2 of 3 networks alone call a tumor; not the 64^3, which sees most context. Empty where no network ran."""
    if not screening.scales or screening.protocol is None:
        return ""
    needed, scales = screening.protocol.decision.min_tumor_voxels, screening.scales
    silent = [scale for scale in scales if scale.tumor_voxels < needed]
    count, total = len(scales) - len(silent), len(scales)
    of_ensemble = screening.protocol.ensemble is not None
    if of_ensemble and total == 1:
        return f"Only {scales[0].title} of the ensemble answered; there is no other one to agree with."
    said = f"{count} of {total} {'folds' if of_ensemble else 'networks'} alone call a tumor"
    if not 0 < count < total:
        return f"{said}."
    names = " and ".join(scale.name or f"the {scale.title}" for scale in silent)
    context = ", which sees most context" if silent == [scales[0]] and not of_ensemble else ""
    return f"{said}; not {names}{context}."
