"""docs/paper.md and the decision records name things that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("|") and not line.startswith(("|---", "| sentence"))]


def names(pattern, text=TEXT):
    return sorted(set(re.findall(pattern, text)))


@pytest.mark.parametrize("module", names(r"`((?:[a-z_]+/)?[a-z_0-9]+\.py)`", "\n".join(r.split("|")[-3] for r in ROWS)))
def test_every_module_named_exists(module):
    assert (ROOT / "PDACScreeningLib" / module).is_file()


@pytest.mark.parametrize("name", names(r"`(test_\w+\.py(?:::test_\w+)?)`"))
def test_every_test_named_exists(name):
    file, _, function = name.partition("::")
    source = (ROOT / "Testing" / "Python" / file).read_text(encoding="utf-8")
    assert not function or f"def {function}(" in source


def test_every_sentence_has_a_module_and_a_test():
    assert len(ROWS) > 30
    for row in ROWS:
        module, test = row.split("|")[-3:-1]
        assert ".py" in module, row
        assert "test_" in test, row


def test_every_decision_named_in_the_config_has_a_record():
    config = (ROOT / "PDACScreeningLib" / "config.py").read_text(encoding="utf-8")
    for number in set(re.findall(r"ADR (\d{4})", config)):
        assert list((ROOT / "docs" / "adr").glob(f"{number}-*.md")), number
