"""Writes measured figures into the pages that show them, each from one experiment.json.

README.md: the demo model; its card and model.json are written by `pdac-screening publish` from the same file.
docs/experiments/phantom/README.md: the cross-validation. Tests compare all of them.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PDACScreeningLib.evaluation.experiment import read_experiment  # noqa: E402
from PDACScreeningLib.evaluation.measured_block import short_table, with_block  # noqa: E402

EXPERIMENTS = ROOT / "docs" / "experiments"
PAGES = {
    ROOT / "README.md": EXPERIMENTS / "demo-phantom" / "experiment.json",
    EXPERIMENTS / "phantom" / "README.md": EXPERIMENTS / "phantom" / "experiment.json",
}


def main() -> None:
    for path, experiment in PAGES.items():
        page = path.read_text(encoding="utf-8")
        path.write_text(with_block(page, short_table(read_experiment(experiment))), encoding="utf-8")


if __name__ == "__main__":
    main()
