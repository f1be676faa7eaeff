"""What `prepare` does."""

from __future__ import annotations

from pathlib import Path

from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.datasets.phantom_cohort import phantom_cohort_cases
from PDACScreeningLib.training.preparation import prepare


def run_prepare(
    cohort: Path, output: Path, working_spacing_mm: float | None, display: Display, interruption: Interruption
) -> int:
    """Write a case store; cases that cannot be used are named with their reason."""
    cases = phantom_cohort_cases(cohort)
    source = f"synthetic phantom cohort of {len(cases)} cases"
    preparation = prepare(cases, output, working_spacing_mm, source, interruption.hook(display.progress))
    for case_id, reason in preparation.refused:
        display.notice(f"refused {case_id}: {reason}")
    counts = {"stored": len(preparation.stored), "refused": len(preparation.refused)}
    display.result(f"{counts['stored']} cases stored in {output}, {counts['refused']} refused", counts)
    return 0
