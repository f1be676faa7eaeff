"""`screening.json`: a screening as plain data. Its schema and its documentation are generated from the dataclasses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PDACScreeningLib import atomic_file
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.screening_result import SCHEMA_VERSION, Screening

OLDER_RESULT = (
    "This result was written by an older version of PDACScreening, which did not bind its files to each other and to "
    "the scan: nothing proves that they belong together. Edited segments cannot be scored; screen the scan again."
)


def to_json(screening: Screening) -> dict[str, Any]:
    """Plain data of a screening, as written to `screening.json`."""
    plain: dict[str, Any] = to_plain(screening)
    return plain


def write_screening(screening: Screening, path: Path) -> Path:
    """Write `screening.json`. Raises WriteError."""
    return atomic_file.write_json(path, to_json(screening))


def from_json(data: Any) -> Screening:
    """Read what `to_json` wrote. A file of version 1 is read with a warning, and can be shown but not scored again.

    Raises ValueError for another schema version, a foreign field or a value that is not allowed.
    """
    version = data.get("schema_version") if isinstance(data, dict) else type(data).__name__
    if version == 1:
        data = _from_version_1(data)
    elif version != SCHEMA_VERSION:
        raise ValueError(f"screening.json has schema version {version}, this version reads {SCHEMA_VERSION}")
    return from_plain(Screening, data)


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 flattened the protocol, and did not say which spacing was asked for."""
    old, warnings = data.get("protocol"), data.get("warnings")
    known = [*warnings] if isinstance(warnings, list) else []
    try:
        protocol = None if old is None else _protocol_of_version_1(old)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"screening.json of version 1 lacks a part of its protocol: {error}") from error
    return {**data, "protocol": protocol, "warnings": [OLDER_RESULT, *known]}


def _protocol_of_version_1(old: dict[str, Any]) -> dict[str, Any]:
    margins = old.get("window_margins") or [0] * len(old["strides"])
    parts = zip(old["window_sizes"], old["strides"], margins, strict=False)
    return {
        "name": old["name"],
        "working_spacing_mm": None,
        "working_spacing_mm_xyz": old["working_spacing_mm_xyz"],
        "windows": [{"size": size, "stride": stride, "margin": margin} for size, stride, margin in parts],
        "roi_margin_voxels": old["roi_margin_voxels"],
        "components": {"min_fraction": old["min_component_fraction"]},
        "decision": {"min_tumor_voxels": old["min_tumor_voxels"]},
        "score": {"count_weight": old["score_count_weight"]},
    }
