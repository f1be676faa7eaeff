"""`experiment.json`: what was read by which model, and every figure of section 3 made of it, each with its n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.datasets.phantom_cohort import FACTS as PHANTOMS
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.evaluation.bootstrap import PatientBootstrap
from PDACScreeningLib.evaluation.calibration import CalibrationBin, calibration
from PDACScreeningLib.evaluation.case_result import COMBINED, CaseResult
from PDACScreeningLib.evaluation.detection_interval import average_precision
from PDACScreeningLib.evaluation.estimates import Estimate, Mean
from PDACScreeningLib.evaluation.k_sweep import KPoint, k_sweep
from PDACScreeningLib.evaluation.lesion_detection import Detection, detection
from PDACScreeningLib.evaluation.outcome_figures import OutcomeFigures, outcome_figures
from PDACScreeningLib.evaluation.predictive_values import PredictiveValues, predictive_values
from PDACScreeningLib.evaluation.roc import OperatingPoint, RocCurve, operating_points, roc_curves
from PDACScreeningLib.evaluation.rule_figures import BenchmarkRow, RuleFigures, benchmark_row, rule_figures
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings
from PDACScreeningLib.evaluation.size_strata import SizeStratum, size_strata
from PDACScreeningLib.evaluation.table1 import TableRow, table1
from PDACScreeningLib.evaluation.trait_strata import TraitStratum, trait_strata
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.screening_result import RESEARCH_NOTICE
from PDACScreeningLib.strict_json import read_json

FORMAT_VERSION = 3  # 2: folds, intervals, ROC, ablations; 3: overlap, traits, rule, own grid, score without ties
EXPERIMENT = "experiment.json"
_NAMED_K = (1, 10, 50, 100, 200, 500, 1000, 1500)


@dataclass(frozen=True)
class ModelFact:
    """A model that read. fold None: no split.

    trained_on_others: whether its training cases are those of its fold, by digest; False: it was trained on the very
    cases it reads; None: its record does not tell, because it was trained on another store, or on a part of this one.
    """

    fold: int | None
    name: str
    weights_sha256: str
    trained_on: str
    notice: str
    is_demo: bool
    trained_on_others: bool | None


@dataclass(frozen=True)
class DataFact:
    """What was read. sha256: of the cases opened. split_sha256 None: no split.

    voxel_mm3: of the working grid; None when cases on native grids differ.
    """

    source: str
    datasets: tuple[str, ...]  # short names; empty when the store does not tell
    sha256: str
    voxel_mm3: float | None
    working_spacing_mm: float | None
    split_sha256: str | None
    folds: int

    @property
    def is_synthetic(self) -> bool:
        """Whether all cases are phantoms, so that no figure says anything about patients."""
        return set(self.datasets) == {PHANTOMS.name} if self.datasets else "phantom" in self.source.lower()


@dataclass(frozen=True)
class ExperimentSetup:
    """Everything about an experiment that is not a figure."""

    models: tuple[ModelFact, ...]
    data: DataFact
    reading: ReadingSettings
    statistics: StatisticsSettings
    row_names: tuple[str, ...]  # of Table 1; the other rows of the readings are ablations
    config_sha256: str  # of what the models have in common: all but the batch sizes
    decision: DecisionRule
    command: str
    software: dict[str, str]
    device: str
    precision: str

    @property
    def min_tumor_voxels(self) -> int:
        """K."""
        return self.decision.min_tumor_voxels


@dataclass(frozen=True)
class Counts:
    """How much was read."""

    readings: int
    patients: int
    with_tumor: int
    without_tumor: int
    coarse_empty: int


@dataclass(frozen=True)
class NativeRow:
    """DSC of "Multi" on the scans' own grids, as the paper measures it."""

    normal_pancreas: Mean
    abnormal_pancreas: Mean
    tumor: Mean


@dataclass(frozen=True)
class Experiment:
    """The content of `experiment.json`. Figures without a name of a row are of "Multi"."""

    setting: ExperimentSetup
    counts: Counts
    table1: tuple[TableRow, ...]
    ablations: tuple[TableRow, ...]
    size_strata: tuple[SizeStratum, ...]
    trait_strata: tuple[TraitStratum, ...]
    rule: RuleFigures
    benchmark: BenchmarkRow
    native: NativeRow | None
    roc: tuple[RocCurve, ...]
    operating_points: tuple[OperatingPoint, ...]
    k_sweep: tuple[KPoint, ...]
    detection: Detection
    average_precision: Estimate
    calibration: tuple[CalibrationBin, ...]
    predictive_values: tuple[PredictiveValues, ...]
    cases: tuple[CaseResult, ...]
    outcomes: OutcomeFigures | None = None  # None where a reading was made by an earlier version
    notice: str = RESEARCH_NOTICE
    format_version: int = FORMAT_VERSION

    @property
    def combined(self) -> TableRow:
        """The row of all networks together."""
        return next(row for row in self.table1 if row.name == COMBINED)


def experiment(setting: ExperimentSetup, cases: Sequence[CaseResult]) -> Experiment:
    """Every figure from the readings alone, in seconds; no scan is looked at. cases: at least one."""
    statistics, k = setting.statistics, setting.min_tumor_voxels
    bootstrap = PatientBootstrap(statistics.bootstrap_samples, statistics.seed)
    ablations = [name for name in cases[0].rows if name not in setting.row_names]
    rows = table1(cases, setting.row_names, k, bootstrap)
    combined = next(row for row in rows if row.name == COMBINED)
    by_rule = rule_figures(cases, setting.decision)
    scans = [case.candidates for case in cases]
    return Experiment(
        setting=setting,
        counts=_counts(cases),
        table1=rows,
        ablations=table1(cases, ablations, k, bootstrap),
        size_strata=size_strata(cases, setting.row_names, k),
        trait_strata=trait_strata(cases, setting.row_names, k),
        rule=by_rule,
        benchmark=benchmark_row(cases, by_rule, combined.auc),
        native=_native_row(cases),
        roc=roc_curves(cases, COMBINED, bootstrap),
        operating_points=operating_points(cases, COMBINED, statistics.sensitivities, statistics.specificities),
        k_sweep=k_sweep(cases, COMBINED, statistics.max_k, named=(k, *_NAMED_K)),
        detection=detection(scans),
        average_precision=average_precision(cases, bootstrap),
        calibration=calibration(cases, COMBINED, statistics.calibration_bins),
        predictive_values=predictive_values(by_rule.sensitivity, by_rule.specificity, statistics.prevalences),
        cases=tuple(cases),
        outcomes=outcome_figures(cases, setting.decision),
    )


def _native_row(cases: Sequence[CaseResult]) -> NativeRow | None:
    """None unless every case could be compared on its scan's own grid."""
    if any(case.native is None for case in cases):
        return None
    pairs = [(case.has_tumor, case.native) for case in cases if case.native is not None]
    return NativeRow(
        normal_pancreas=Mean.of(native.pancreas for has_tumor, native in pairs if not has_tumor),
        abnormal_pancreas=Mean.of(native.pancreas for has_tumor, native in pairs if has_tumor),
        tumor=Mean.of(native.tumor for has_tumor, native in pairs if has_tumor),
    )


def write_experiment(content: Experiment, path: Path) -> Path:
    """Write `experiment.json`. Raises WriteError."""
    return atomic_file.write_json(path, to_plain(content))


def read_experiment(path: Path) -> Experiment:
    """Read `experiment.json`. Raises DataError when it is missing, damaged or of another version."""
    try:
        plain = read_json(path)
        version = plain.get("format_version") if isinstance(plain, dict) else None
        if version != FORMAT_VERSION:
            raise DataError(f"{path} has format {version}, this version reads {FORMAT_VERSION}; evaluate again")
        return from_plain(Experiment, plain)
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not an experiment: {error}") from error


def _counts(cases: Sequence[CaseResult]) -> Counts:
    return Counts(
        readings=len(cases),
        patients=len({case.patient_id for case in cases}),
        with_tumor=sum(case.has_tumor for case in cases),
        without_tumor=sum(not case.has_tumor for case in cases),
        coarse_empty=sum(not case.coarse_found for case in cases),
    )
