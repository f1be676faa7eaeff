"""`pdac-screening phantom` and `phantom-cohort`: synthetic CTs with known truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from PDACScreeningLib.commands.guard import DONE
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.datasets.split import SPLIT_NAME, paper_split, write_split
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.phantom.cohort import CohortSpec, case_id, case_specifications, generate_cohort
from PDACScreeningLib.phantom.generator import PhantomFacts
from PDACScreeningLib.phantom.phantom_files import CT_NAME, write_phantom
from PDACScreeningLib.phantom.specification import DEFAULT_SHAPE, DEFAULT_SPACING_MM, PhantomSpec
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.volume.geometry import XYZ, ZYX


@dataclass(frozen=True)
class Grid:
    """Voxels and spacing as typed, in the order (x, y, z); None takes the generator's own."""

    shape_xyz: tuple[int, int, int] | None = None
    spacing_mm_xyz: XYZ | None = None

    @property
    def shape(self) -> ZYX:
        """Voxels along (z, y, x)."""
        if self.shape_xyz is None:
            return DEFAULT_SHAPE
        x, y, z = self.shape_xyz
        return (z, y, x)

    @property
    def spacing_mm(self) -> XYZ:
        """(x, y, z)."""
        return self.spacing_mm_xyz or DEFAULT_SPACING_MM


@dataclass(frozen=True)
class PhantomRequest:
    """One phantom; what is None is drawn from the seed, and without a diameter there is no tumor."""

    output: Path
    seed: int
    tumor_diameter_mm: float | None
    grid: Grid
    phase: float | None = None
    noise_hu: float | None = None


@dataclass(frozen=True)
class CohortRequest:
    """Many phantoms."""

    output: Path
    seed: int
    cases: int
    pdac_fraction: float
    variant: str
    grid: Grid
    jobs: int
    folds: int = 4


def run_phantom(request: PhantomRequest, display: Display, interruption: Interruption) -> int:
    """Write one phantom and say what it measures. Raises UsageError when the values make no phantom."""
    specification = _specification(request)
    folder = _folder(request.output)
    facts = write_phantom(specification, folder, interruption.hook(display.progress)).facts
    display.result(_phantom_text(folder / CT_NAME, facts), {"output": str(folder), **asdict(facts)})
    return DONE


def run_cohort(request: CohortRequest, display: Display, interruption: Interruption) -> int:
    """Write many phantoms, or the ones that are missing. Raises UsageError when the values make no cohort."""
    try:
        cohort = CohortSpec(
            cases=request.cases,
            pdac_fraction=request.pdac_fraction,
            seed=request.seed,
            variant=request.variant,
            shape=request.grid.shape,
            spacing_mm=request.grid.spacing_mm,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    listing = generate_cohort(cohort, _folder(request.output), request.jobs, interruption.hook(display.progress))
    text = f"{request.cases} phantoms listed in {listing}\n{_write_split(cohort, request)}"
    display.result(text, {"output": str(request.output)})
    return DONE


def _write_split(cohort: CohortSpec, request: CohortRequest) -> str:
    """Write split.json beside the list; returns what to say of it."""
    cases = case_specifications(cohort)
    pdac = [case_id(case) for case in cases if case.tumor is not None]
    normal = [case_id(case) for case in cases if case.tumor is None]
    try:
        split = paper_split(pdac, normal, folds=request.folds, seed=request.seed)
    except ValueError as error:
        return f"no split file: {error}"
    path = write_split(split, request.output / SPLIT_NAME)
    trained, tested = len(split.always_train), len(split.always_test)
    return f"{path}: {len(pdac)} PDAC in {request.folds} folds, {trained} normals to train on and {tested} to test on"


def _specification(request: PhantomRequest) -> PhantomSpec:
    try:
        return random_specification(
            request.seed,
            tumor_diameter_mm=request.tumor_diameter_mm,
            shape=request.grid.shape,
            spacing_mm=request.grid.spacing_mm,
            phase=request.phase,
            noise_hu=request.noise_hu,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _folder(output: Path) -> Path:
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file; name a folder")
    return output


def _phantom_text(ct: Path, facts: PhantomFacts) -> str:
    tumor = "no tumor"
    if facts.tumor_voxels:
        tumor = f"a tumor of {facts.tumor_max_diameter_mm:.1f} mm and {facts.tumor_ml:.1f} mL"
    return f"{ct}: pancreas of {facts.pancreas_ml:.1f} mL, {tumor}"
