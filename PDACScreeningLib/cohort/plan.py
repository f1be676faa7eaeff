"""What a cohort is: which scans, and how they are to be screened. Written once, read by every worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import DEFAULT_PROTOCOL, ProtocolName
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.strict_json import read_json

FORMAT_VERSION = 1
PLAN = "cohort.json"
LEASE_S = 120.0  # ours: after so long without a sign of life another worker goes on (ADR 0038)
MAX_FAILED_STARTS = 3  # ours: a scan that ended three workers is put aside at the fourth start
_DIGITS = 16  # of a SHA-256 in names


@dataclass(frozen=True)
class Case:
    """One scan. Its number and id tell nothing of the patient; its place may."""

    number: int  # 1, 2, ... in the order of planning
    scan: str  # absolute path of a file or of a folder of DICOM slices
    series: str = ""  # SeriesInstanceUID, where the folder was looked through
    listed: bool = False  # whether the folder holds other files too, so that those of the series are listed

    @property
    def id(self) -> str:
        """The same for the same place and series, whatever else is planned."""
        return f"{self.number:05}-{short_digest([self.scan, self.series])[:8]}"


@dataclass(frozen=True)
class Settings:
    """How every scan of the cohort is screened. Results of other settings are not this cohort's results."""

    model: str  # name or folder
    model_sha256: str  # of its description, which names its weights and numbers
    software: str
    protocol: ProtocolName = DEFAULT_PROTOCOL
    precision: str = "auto"
    include_identifiers: bool = False
    dicom_out: bool = False
    folds: tuple[str, ...] = ()  # of an imported nnU-Net; () = all
    mirroring: bool = True

    @property
    def model_name(self) -> str:
        """Without the folder it lies in."""
        return Path(self.model).name

    @property
    def key(self) -> str:
        """A folder name: the model's own name and a digest of all settings."""
        name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in self.model_name)
        return f"{name}-{short_digest(to_plain(self))[:8]}"


@dataclass(frozen=True)
class Plan:
    """The content of `cohort.json`."""

    settings: Settings
    cases: tuple[Case, ...]
    lease_s: float = LEASE_S
    format_version: int = FORMAT_VERSION


def short_digest(content: Any) -> str:
    """The first digits of the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def write_plan(plan: Plan, folder: Path) -> None:
    """Write `cohort.json`. Raises WriteError."""
    atomic_file.write_json(folder / PLAN, to_plain(plan))


def read_plan(folder: Path) -> Plan:
    """The plan of a cohort's folder. Raises UsageError when there is none, or it cannot be read."""
    try:
        plan = from_plain(Plan, read_json(folder / PLAN))
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder} holds no cohort; begin one with 'pdac-screening cohort plan {folder} SCANS...'"
        ) from (error)
    except (OSError, ValueError) as error:
        raise UsageError(f"{PLAN} in {folder} cannot be used: {error}; plan the cohort again") from error
    if plan.format_version != FORMAT_VERSION:
        raise UsageError(f"{PLAN} has format {plan.format_version}, this version reads {FORMAT_VERSION}")
    return plan
