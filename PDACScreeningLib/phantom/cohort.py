"""Many phantoms: a folder of cases with a list, made by several processes, resumable."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PDACScreeningLib.atomic_file import write_json
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.phantom.lattice import Point
from PDACScreeningLib.phantom.phantom_files import JSON_NAME, is_finished, write_phantom
from PDACScreeningLib.phantom.specification import DEFAULT_SHAPE, DEFAULT_SPACING_MM, GENERATOR_VERSION, PhantomSpec
from PDACScreeningLib.phantom.specification_draw import random_diameter_mm, random_specification
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.worker_processes import each_as_finished

COHORT_NAME = "cohort.json"
IN_DISTRIBUTION = "in-distribution"
SHIFTED = "shifted"
VARIANTS = (IN_DISTRIBUTION, SHIFTED)
_SEEDS_PER_COHORT = 1_000_000  # each half of them for one variant
_SHIFTED_PHASE = 0.5
_SHIFTED_NOISE = 1.5
_SHIFTED_SLICE_MM = 5.0


Range = tuple[float, float]  # of a uniform draw, the ends included
RANGES: dict[str, Range] = {
    "phase": (0, 1.5),
    "noise_hu": (0, 200),
    "slice_mm": (0.2, 12),
    "gland_fat": (0.01, 0.9),
}  # what makes a phantom


@dataclass(frozen=True)
class CohortSpec:
    """Which cases to make. shape: voxels (z, y, x); spacing_mm: (x, y, z); of shifted cases before thicker slices.

    variant: "in-distribution", or "shifted" for a test outside the training distribution: less contrast (phase 0.5),
    half as much noise again, and 5 mm slices. phase, noise_hu, slice_mm, gland_fat (share of the gland): drawn for each
    case from a range, instead of as usual. Raises ValueError for a cohort that cannot be.
    """

    cases: int
    pdac_fraction: float = 0.5
    seed: int = 0
    variant: str = IN_DISTRIBUTION
    shape: tuple[int, int, int] = DEFAULT_SHAPE
    spacing_mm: Point = DEFAULT_SPACING_MM
    phase: Range | None = None
    noise_hu: Range | None = None
    slice_mm: Range | None = None
    gland_fat: Range | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.cases <= _SEEDS_PER_COHORT // 2:
            raise ValueError(f"a cohort has 1 to {_SEEDS_PER_COHORT // 2} cases, got {self.cases}")
        if not 0 <= self.pdac_fraction <= 1:
            raise ValueError(f"the PDAC fraction must lie in 0..1, got {self.pdac_fraction}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {VARIANTS}, got {self.variant!r}")
        asked = self.ranges
        if asked and self.variant == SHIFTED:
            raise ValueError(f"a shifted cohort has its own values of {', '.join(asked)}")
        for name, (low, high) in asked.items():
            least, most = RANGES[name]
            if not least <= low <= high <= most:
                raise ValueError(f"the range of {name} must rise within {least} to {most}, got {low} to {high}")

    @property
    def ranges(self) -> dict[str, Range]:
        """The ranges that were given, by name."""
        given = {name: getattr(self, name) for name in RANGES}
        return {name: values for name, values in given.items() if values is not None}


def generate_cohort(cohort: CohortSpec, folder: Path, jobs: int = 1, on_progress: OnProgress = ignore_progress) -> Path:
    """Write every case into `folder/<case id>/` and the list into `folder/cohort.json`; returns the list's path.

    jobs: processes; the bytes do not depend on it. Cases that are already finished are kept. The hook is called once
    a case; when it raises, what runs is finished, the rest is dropped, and a later call goes on from there.
    Raises DataError when the folder holds another cohort.
    """
    _require_same_cohort(cohort, folder)
    specs = case_specifications(cohort)
    open_specs = [spec for spec in specs if not is_finished(spec, folder / case_id(spec))]
    done = len(specs) - len(open_specs)
    stage = "phantom cohort"
    on_progress(Progress(stage, done, len(specs)))
    for finished, _ in enumerate(each_as_finished(partial(_make, folder), open_specs, jobs), start=done + 1):
        on_progress(Progress(stage, finished, len(specs)))
    return write_json(folder / COHORT_NAME, _listing(cohort, specs, folder))


def case_id(spec: PhantomSpec) -> str:
    """The folder of a case; it does not tell whether there is a tumor."""
    return f"phantom-{spec.seed}"


def case_specifications(cohort: CohortSpec) -> list[PhantomSpec]:
    """The cases in order. Cohorts of different seed or variant never share a body."""
    pdac = round(cohort.cases * cohort.pdac_fraction)
    order = stream(cohort.seed, "phantom-cohort/order").permutation(cohort.cases)
    first = cohort.seed * _SEEDS_PER_COHORT + (_SEEDS_PER_COHORT // 2 if cohort.variant == SHIFTED else 0)
    return [_case(cohort, first + index, has_tumor=bool(order[index] < pdac)) for index in range(cohort.cases)]


def _case(cohort: CohortSpec, seed: int, *, has_tumor: bool) -> PhantomSpec:
    diameter = random_diameter_mm(stream(seed, "phantom-cohort/diameter")) if has_tumor else None
    values = _shifted(seed) if cohort.variant == SHIFTED else _drawn(cohort, seed)
    slice_mm = values.pop("slice_mm", None)
    shape, spacing_mm = cohort.shape, cohort.spacing_mm
    if slice_mm is not None:  # over the same length
        shape = (max(8, round(shape[0] * spacing_mm[2] / slice_mm)), *shape[1:])
        spacing_mm = (*spacing_mm[:2], slice_mm)
    return random_specification(seed, tumor_diameter_mm=diameter, shape=shape, spacing_mm=spacing_mm, **values)


def _shifted(seed: int) -> dict[str, float]:
    noise_hu = round(_SHIFTED_NOISE * random_specification(seed).acquisition.noise_hu, 1)
    return {"phase": _SHIFTED_PHASE, "noise_hu": noise_hu, "slice_mm": _SHIFTED_SLICE_MM}


def _drawn(cohort: CohortSpec, seed: int) -> dict[str, float]:
    """A value for each range that was given, from a stream of its own."""
    return {
        name: round(float(stream(seed, f"phantom-cohort/{name}").uniform(low, high)), 3)
        for name, (low, high) in cohort.ranges.items()
    }


def _require_same_cohort(cohort: CohortSpec, folder: Path) -> None:
    """Cases of two cohorts in one folder could not be told apart any more."""
    try:
        earlier = read_json(folder / COHORT_NAME)["cohort"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # no list yet, or one that says nothing
    wanted = json.loads(json.dumps(asdict(cohort)))
    ranges_not_known_yet = dict.fromkeys(RANGES)
    if {**ranges_not_known_yet, **earlier} != wanted:
        raise DataError(f"{folder} holds a cohort of other cases, seed or grid: choose another folder, or delete it")


def _make(folder: Path, spec: PhantomSpec) -> None:
    write_phantom(spec, folder / case_id(spec))


def _listing(cohort: CohortSpec, specs: list[PhantomSpec], folder: Path) -> dict[str, Any]:
    """The content of cohort.json."""
    return {
        "format": "phantom-cohort-1",
        "generator_version": GENERATOR_VERSION,
        "cohort": asdict(cohort),
        "cases": [_listed(spec, folder) for spec in specs],
    }


def _listed(spec: PhantomSpec, folder: Path) -> dict[str, Any]:
    facts = read_json(folder / case_id(spec) / JSON_NAME)["facts"]
    return {
        "id": case_id(spec),
        "seed": spec.seed,
        "has_tumor": spec.tumor is not None,
        "tumor_diameter_mm": spec.tumor_diameter_mm,
        "shape": list(spec.shape),
        "spacing_mm": list(spec.spacing_mm),
        "confounders": list(spec.confounders),
        "generator_version": spec.generator_version,
        "facts": facts,
    }
