"""A third of the corpus of hostile inputs, and what fuzzing ever found. `make test-hostile` tries all of it."""

import json
import random
from collections import Counter

import corpus
import fuzz
import fuzzed_scans
import pytest

SCANS = tuple(fuzzed_scans.fuzzed_scans())
OBJECTS = (
    *("segmentation.dcm", "received.dcm", "listed.dcm", "report.dcm", "metadata.xlsx", "truth.csv", "plans.json"),
    *("labels of plans.json", "weights.pth", "case.hu.b2nd", "screening.json of a result", "cohort.json"),
    *("series of a cohort", "reader.sqlite"),
)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return fuzz.all_readers(tmp_path_factory.mktemp("readers"))


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
def test_what_fuzzing_found_is_no_fault_any_more(path, readers, tmp_path, capfd):
    reader = readers[path.name.split("-", 1)[1]]
    assert fuzz.try_bytes(path.read_bytes(), reader, tmp_path / "input") in fuzz.RIGHT
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", [*SCANS, *OBJECTS])
def test_damage_ends_in_nothing_but_a_refusal(name, readers, tmp_path, capfd):
    draw = random.Random(7)
    assert fuzz.try_bytes(readers[name].whole, readers[name], tmp_path / "input") == "read"
    inputs = [fuzz.damaged(readers[name], draw) for _ in range(40)]
    assert readers[name].whole not in inputs
    assert {fuzz.try_bytes(content, readers[name], tmp_path / "input") for content in inputs} <= fuzz.RIGHT
    assert capfd.readouterr() == ("", "")


def test_every_reader_gets_the_same_share_of_a_million():
    plan = list(fuzz.pieces(["a", "b", "c"], 1_000_000, seed=1))
    executions = Counter()
    for piece in plan:
        executions[piece.name] += piece.executions
    assert executions == dict.fromkeys("abc", 333_334)
    assert len({piece.file for piece in plan}) == len(plan)


@pytest.mark.parametrize(
    ("raised", "told"), [(AttributeError("a"), "AttributeError at"), (fuzz.TooLong("x"), "TooLong at"), (None, "read")]
)
def test_the_fuzzer_tells_a_foreign_exception_from_a_refusal(raised, told, tmp_path):
    def read(_path):
        if raised is not None:
            raise raised

    outcome = fuzz.try_bytes(b"a", fuzz.Reader(b"a", read, (ValueError,)), tmp_path / "input")
    assert outcome.startswith(told)


def test_words_on_the_terminal_and_a_crash_are_faults_and_a_stop_is_none(tmp_path, monkeypatch, capsys):
    def of(read):
        reader = fuzz.Reader(b"abc", read, (ValueError,), damage=lambda draw: draw.randbytes(3))
        monkeypatch.setattr(fuzz, "all_readers", lambda _folder: {"one": reader})
        monkeypatch.setattr(fuzz, "FOUND", tmp_path / "found")
        kept = tmp_path / "kept"
        kept.mkdir(exist_ok=True)
        piece = fuzz.Piece("one", 0, 3, seed=len(list(kept.iterdir())))
        fuzz.run([piece], kept, jobs=1)
        if fuzz.tell([piece], kept) or (kept / piece.file).exists():
            return json.loads((kept / piece.file).read_text())["counts"]
        return None

    assert of(lambda path: path.read_bytes()) == {"read": 3}
    assert of(lambda _path: fuzz.os.write(2, b"GDCM says")) == {"words on the terminal: GDCM says": 3}
    assert not list((tmp_path / "found").glob("*-two"))
    (fault,) = of(lambda _path: fuzz.os.kill(fuzz.os.getpid(), 9))
    assert fault.endswith("ended with -9")
    assert len(list((tmp_path / "found").glob("*-one"))) == 2
    capsys.readouterr()
    assert of(lambda _path: fuzz.os.kill(fuzz.os.getpid(), 15)) is None
    assert "pieces that were stopped: 1;" in capsys.readouterr().out
    assert len(list((tmp_path / "found").glob("*-one"))) == 2
