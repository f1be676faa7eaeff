"""What is known about a screening so far, so that every outcome says as much as it can.

A scan that is rejected still names the model; one that fails halfway still names the voxels it was about.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from PDACScreeningLib import __version__
from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.screening_result import InputFacts, ModelFacts, Provenance, Screening
from PDACScreeningLib.session.versions import installed_versions


@dataclass
class ScreeningRecord:
    """Filled step by step while a scan is screened; `completed` puts what is known into an outcome."""

    provenance: Provenance
    label: str = ""  # the reader's own name for the scan
    model: ModelFacts | None = None
    input: InputFacts | None = None
    warnings: tuple[str, ...] = ()
    timings_s: dict[str, float] = field(default_factory=dict)

    def completed(self, screening: Screening) -> Screening:
        """The screening with model, input, provenance, the reader's warnings and the timings of all steps."""
        return replace(
            screening,
            label=self.label,
            model=self.model,
            input=self.input,
            provenance=self.provenance,
            warnings=self.warnings + screening.warnings,
            timings_s={**self.timings_s, **screening.timings_s},
        )

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure a step in seconds; a step that raises is measured up to there."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.timings_s[step] = round(time.monotonic() - started, 3)

    def use_machine(self, *, device: str, precision: str, config: ScreeningConfig) -> None:
        """Note what the networks run on and the numbers they run with."""
        self.provenance = replace(
            self.provenance, device=device, precision=precision, config_sha256=config_sha256(config)
        )

    def use_memory_steps(self, steps: tuple[str, ...]) -> None:
        """Note what the networks did because memory did not suffice."""
        self.provenance = replace(self.provenance, memory_steps=steps)


def new_record(label: str = "") -> ScreeningRecord:
    """A record that knows the software and the time. No host name, no user name, no paths."""
    return ScreeningRecord(
        Provenance(
            software=f"PDACScreening {__version__}",
            versions=installed_versions(),
            started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        label,
    )


def input_facts(read: ReadCT) -> InputFacts:
    """Which voxels were read."""
    geometry, hu = read.volume.geometry, read.volume.hu
    return InputFacts(
        kind=read.kind,
        shape_zyx=geometry.shape,
        spacing_mm_xyz=geometry.spacing_mm,
        origin_lps_mm=geometry.origin_mm,
        direction=geometry.direction,
        voxels_sha256=read.voxels_sha256,
        hu_range=(int(hu.min()), int(hu.max())),
        identifiers=read.identifiers,
    )


def config_sha256(config: ScreeningConfig) -> str:
    """Equal configurations have equal digests, whatever wrote them."""
    return hashlib.sha256(json.dumps(to_plain(config), sort_keys=True).encode()).hexdigest()
