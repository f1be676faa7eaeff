"""An experiment of four readings in two folds, made up: one hit, one miss, one false alarm, one rightly quiet."""

from readings import reading

from PDACScreeningLib.config import DecisionRule
from PDACScreeningLib.evaluation.experiment import DataFact, ExperimentSetup, ModelFact, experiment
from PDACScreeningLib.evaluation.settings import ReadingSettings, StatisticsSettings

ROWS = ("64^3", "Multi", "Multi, no component filter")


def setting(*, source="synthetic phantom cohort of 4 cases", is_demo=True, trained_on_others=True):
    return ExperimentSetup(
        models=tuple(
            ModelFact(fold, f"fold{fold}", "ab" * 32, "phantoms", "phantoms only", is_demo, trained_on_others)
            for fold in (0, 1)
        ),
        data=DataFact(source, (), "cd" * 32, 15.625, 2.5, "ef" * 32, 2),
        reading=ReadingSettings(),
        statistics=StatisticsSettings(bootstrap_samples=100),
        row_names=("64^3", "Multi"),
        config_sha256="01" * 32,
        decision=DecisionRule(50),
        command="pdac-screening evaluate store",
        software={"PDACScreening": "0.1.0"},
        device="cpu",
        precision="fp32",
    )


CASES = (
    reading("p1", diameter_mm=30.0, voxels=90, score=0.9, fold=0, rows=ROWS),
    reading("p2", diameter_mm=15.0, voxels=9, score=0.3, tumor=0.0, fold=1, rows=ROWS),
    reading("n1", voxels=60, score=0.6, tumor=0.0, fold=0, rows=ROWS),
    reading("n2", fold=1, rows=ROWS),
)
FOUND = experiment(setting(), CASES)
