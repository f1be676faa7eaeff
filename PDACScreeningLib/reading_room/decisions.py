"""A reader rejects findings: the answer without them, as the reader's copy beside the AI's, which stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.finding_regions import finding_regions
from PDACScreeningLib.inference.rescoring import rescore
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.stored_result import StoredResult
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

ACCEPT, REJECT = "accept", "reject"
COPIES = "copies"


def field_of(number: int) -> str:
    """The name of a finding's field in a form."""
    return f"finding-{number}"


def why_not(screening: Screening) -> str:
    """Why no finding of a result can be rejected; empty where it can."""
    if not screening.can_be_scored_again:
        return "This result was written by an older version; screen the scan again to reject findings."
    if screening.score is None and screening.mean_tumor_probability is None:
        return "There is no probability map, so that nothing can be scored again."
    return ""


def without_findings(stored: StoredResult, ct: CTVolume, rejected: Sequence[int], label: str) -> Answer:
    """The answer without some findings: their voxels become background, and the rest is scored again (`rescore`).

    rejected: numbers of findings that count. label: of the copy. Raises ResultError when nothing would change, or the
    voxels are not those of the result.
    """
    labels, probability, protocol = stored.labels, stored.tumor_probability, stored.screening.protocol
    if labels is None or probability is None or protocol is None or why_not(stored.screening):
        raise ResultError("findings of this result cannot be rejected: it cannot be scored again")
    edited = labels.values.copy()
    regions = finding_regions(
        LabelMap(labels.values, labels.part_geometry), stored.screening.findings, protocol.working_spacing_mm_xyz
    )
    if regions.box is None or not np.isin(list(rejected), regions.numbers).all():
        raise ResultError("a finding has no voxel on the scan's own grid that could be taken away")
    edited[regions.box.slices][np.isin(regions.numbers, list(rejected))] = Label.BACKGROUND
    part = VolumePart(edited, labels.box, labels.geometry)
    again = rescore(stored.screening, labels, part, probability, ct)
    return Answer(
        replace(again.screening, label=label),
        ct,
        LabelMap(part.whole(), labels.geometry),
        probability,
        network_labels=stored.network_labels,
        anatomy=None if stored.anatomy is None else stored.anatomy.whole(),
    )


def copy_folder(keep_in: Path, case: str, reader: str, rejected: Sequence[int]) -> Path:
    """Where the copy of a decision lies."""
    return keep_in / COPIES / case / reader / f"without-{'-'.join(map(str, rejected))}"
