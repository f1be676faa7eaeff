"""Identifiers of DICOM objects: the same result has the same ones whenever it is made, another result has others.

A PACS that already holds an object of that identifier keeps the old one and says that all went well. So whatever can
differ between two results is in the key, and nothing that differs between two runs of one result is.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass

from PDACScreeningLib.screening_json import to_json
from PDACScreeningLib.screening_result import Screening

_NAMESPACE = uuid.UUID("0b0c1f6e-7f0e-5a52-9d55-6a1c7a1b1d3a")  # fixed for ever
# When, how fast, on which machine, with whose identifiers; the labels are in the key by themselves.
_OF_ONE_RUN = ("timings_s", "provenance", "input", "result_voxels_sha256", "files_sha256")


def stable_uid(*parts: str) -> str:
    """The identifier of some parts, as a UUID. The parts are kept apart: ("1", "12") is not ("11", "2")."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, json.dumps(parts)).int}"


@dataclass(frozen=True)
class ResultKey:
    """What makes a result this result and no other."""

    series: str
    slices_sha256: str  # late slices make another result
    model: str
    weights_sha256: str
    config_sha256: str
    software: str
    labels_sha256: str
    statement_sha256: str  # of outcome, reason, numbers and warnings
    edited_by: str  # empty for a result of the AI
    storage: str  # how the segments are stored

    def uid(self, *what: str) -> str:
        """The identifier of one thing of the result."""
        return stable_uid(*vars(self).values(), *what)


def result_key(
    screening: Screening,
    series_uid: str,
    instance_uids: tuple[str, ...],
    labels_sha256: str,
    *,
    edited_by: str,
    storage: str,
) -> ResultKey:
    """The key of a screening of a series. labels_sha256: empty without labels."""
    model, provenance = screening.model, screening.provenance
    return ResultKey(
        series=series_uid,
        slices_sha256=_digest(sorted(instance_uids)),
        model=model.name if model else "",
        weights_sha256=model.weights_sha256 if model else "",
        config_sha256=provenance.config_sha256 if provenance else "",
        software=provenance.software if provenance else "",
        labels_sha256=labels_sha256,
        statement_sha256=_statement_sha256(screening),
        edited_by=edited_by,
        storage=storage,
    )


def _statement_sha256(screening: Screening) -> str:
    return _digest({name: value for name, value in to_json(screening).items() if name not in _OF_ONE_RUN})


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
