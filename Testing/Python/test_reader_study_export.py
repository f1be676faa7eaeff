"""What a reader study stored is exported whole, with a truth for every case."""

import sqlite3

import pytest
from reading_cases import open_room
from study_cases import CASES, send, study_of

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.reading_room.reader_log import ReaderLog
from PDACScreeningLib.reading_room.study import Study
from PDACScreeningLib.reading_room.study_export import export_rows, read_truth
from PDACScreeningLib.reading_room.study_start import study_key


def answered(made_study, keep_in, reader, suspicions, **asked):
    room = study_of(made_study["clear"], keep_in, reader=reader, **asked)
    with open_room(room) as browser:
        for number in range(1, 5):
            for condition, more in (("unaided", 0), ("aided", 10)):
                assert send(browser, number, condition, suspicions[number - 1] + more)[0] == 303
    return room


TRUTH = "case,truth\nalpha,1\nbeta,0\ngamma,1\ndelta,0\nunread,1\n"


def test_the_export_has_the_four_columns_of_imrmc_and_a_truth_for_every_case(made_study, tmp_path, capsys):
    """As iMRMC's example has it: rows of reader and modality "truth", then a row a reading."""
    room = answered(made_study, tmp_path, "r1", (10, 20, 30, 40), practice=("beta",))
    answered(made_study, tmp_path, "r2", (50, 60, 70, 80))
    (tmp_path / "log.sqlite").rename(tmp_path / "reading.sqlite")
    for ending in ("-wal", "-shm"):
        if (tmp_path / f"log.sqlite{ending}").exists():
            (tmp_path / f"log.sqlite{ending}").rename(tmp_path / f"reading.sqlite{ending}")
    (tmp_path / "truth.csv").write_text(TRUTH)
    out = tmp_path / "out.csv"
    command = ["read", str(made_study["clear"] / "results"), "--keep-in", str(tmp_path), "--study", "s"]
    assert main([*command, "--export", str(out), "--truth", str(tmp_path / "truth.csv")]) == 0
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert rows[0] == ["readerID", "caseID", "modalityID", "score"]
    assert rows[1:5] == [["truth", name, "truth", value] for name, value in zip(sorted(CASES), "1001", strict=True)]
    readings = {tuple(row[:3]): int(row[3]) for row in rows[5:]}
    assert len(readings) == 3 * 2 + 4 * 2  # the practice case of the first reader is not counted
    own = {case.name: number for number, case in enumerate(room.study.plan.cases, start=1)}
    assert readings["r1", "alpha", "unaided"] == 10 * own["alpha"]
    assert readings["r1", "alpha", "aided"] == 10 * own["alpha"] + 10
    assert ("r1", "beta", "unaided") not in readings


def test_a_case_without_a_truth_stops_the_export(made_study, tmp_path):
    room = answered(made_study, tmp_path, "r1", (1, 2, 3, 4))
    with pytest.raises(UsageError, match="does not name delta"):
        export_rows(room.study._log.of_all_readers("answer"), "s", {"alpha": 1, "beta": 0, "gamma": 0})
    with pytest.raises(UsageError, match="nobody has answered"):
        export_rows(room.study._log.of_all_readers("answer"), "another", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs the columns"),
        ("case,thruth\na,1\n", "needs the columns"),
        ("case,truth\na,2\n", "must be 0 or 1"),
        ("case,truth\na,1\na,0\n", "twice"),
    ],
)
def test_a_truth_that_is_none_is_refused(tmp_path, text, said):
    (tmp_path / "truth.csv").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_truth(tmp_path / "truth.csv")


def test_the_stored_answers_cannot_be_changed_from_outside_either(made_study, tmp_path):
    answered(made_study, tmp_path, "r1", (1, 2, 3, 4))
    database = sqlite3.connect(tmp_path / "log.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        database.execute("update entry set content=replace(content, '1', '9') where kind='answer'")
    database.close()


def test_a_study_object_is_what_is_stored(made_study, tmp_path):
    room = study_of(made_study["clear"], tmp_path)
    other = Study(room.study.plan, ReaderLog(tmp_path / "log.sqlite", "r1", study_key("s", 1)))
    with open_room(room) as browser:
        send(browser, 1, "unaided", 3)
    assert other.answered() == room.study.answered() != set()
