"""A third of the corpus of hostile inputs, and what fuzzing ever found. `make test-hostile` tries all of it."""

from collections import Counter
from pathlib import Path

import corpus
import fuzz
import pytest


def test_a_third_of_the_corpus_is_answered_rightly(capfd):
    results = list(corpus.tried(every=3))
    wrong = [f"{hostile.kind}: {hostile.name}: {result.outcome}" for hostile, result in results if not result.is_right]
    assert not wrong
    assert capfd.readouterr() == ("", "")
    kinds = Counter(hostile.kind for hostile, _ in results)
    assert len(results) > 830
    assert min(kinds.values()) >= 3
    assert sum(hostile.kind.startswith(("harmless", "content that is whole")) for hostile, _ in results) >= 15


def test_the_corpus_notices_a_reader_that_lets_everything_through(monkeypatch):
    clean = corpus._clean(corpus.written("ct.nii", corpus.clean_files()["ct.nii"]))
    monkeypatch.setattr("hostile_input.read_scan", lambda path, **_options: clean)
    assert sum(not result.is_right for _, result in corpus.tried(every=50)) > 30


@pytest.mark.parametrize("path", sorted(fuzz.FOUND.glob("*-*")), ids=lambda path: path.name)
def test_what_fuzzing_found_is_refused(path, tmp_path):
    _, read = fuzz.seeds()[path.name.split("-", 1)[1]]
    assert fuzz.try_bytes(path.name.split("-", 1)[1], path.read_bytes(), read, tmp_path) in ("read", "refused")


def test_damage_ends_in_nothing_but_a_refusal(tmp_path, capfd):
    files = fuzz.seeds()
    rng = fuzz.np.random.default_rng(7)
    outcomes = Counter()
    for name, (content, read) in files.items():
        place = Path(tmp_path / name)
        place.mkdir()
        assert fuzz.try_bytes(name, content, read, place) == "read"
        for _ in range(60):
            outcomes[fuzz.try_bytes(name, fuzz.damaged(content, rng), read, place)] += 1
    assert set(outcomes) == {"read", "refused"}
    assert capfd.readouterr() == ("", "")
