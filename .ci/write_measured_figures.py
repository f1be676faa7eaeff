"""Writes the demo model's figures into README.md from docs/experiments/demo-phantom/experiment.json.

Its card and model.json are written by `pdac-screening publish` from the same file; a test compares all of them.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PDACScreeningLib.evaluation.experiment import read_experiment  # noqa: E402
from PDACScreeningLib.evaluation.measured_block import short_table, with_block  # noqa: E402

EXPERIMENT = ROOT / "docs" / "experiments" / "demo-phantom" / "experiment.json"
README = ROOT / "README.md"


def main() -> None:
    page = README.read_text(encoding="utf-8")
    README.write_text(with_block(page, short_table(read_experiment(EXPERIMENT))), encoding="utf-8")


if __name__ == "__main__":
    main()
