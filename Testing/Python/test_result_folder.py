from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from PDACScreeningLib.errors import UsageError, WriteError
from PDACScreeningLib.session.result_folder import (
    LABELS,
    REPORT,
    RESULT_FILES,
    SCREENING,
    TUMOR_PROBABILITY,
    new_result,
    open_result_folder,
)


def write(folder, names, run):
    for name in names:
        (folder / name).write_text(run)


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_a_result_replaces_the_earlier_one_file_by_file(tmp_path):
    write(tmp_path, RESULT_FILES, "run 1")
    with new_result(tmp_path, nullcontext) as staging:
        write(staging, RESULT_FILES, "run 2")
        assert set(content(tmp_path).values()) == {"run 1"}
    assert content(tmp_path) == dict.fromkeys(RESULT_FILES, "run 2")


def test_an_outcome_without_labels_takes_the_earlier_labels_away(tmp_path):
    write(tmp_path, RESULT_FILES, "run 1")
    with new_result(tmp_path, nullcontext) as staging:
        write(staging, (REPORT, SCREENING), "run 2")
    assert content(tmp_path) == {REPORT: "run 2", SCREENING: "run 2"}


def test_files_of_other_names_stay(tmp_path):
    write(tmp_path, ["notes.txt"], "mine")
    with new_result(tmp_path, nullcontext) as staging:
        write(staging, RESULT_FILES, "run 1")
    assert content(tmp_path)["notes.txt"] == "mine"


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_when_writing_stops_the_earlier_result_is_whole_and_nothing_else_is_left(tmp_path, error):
    def stop_halfway():
        with new_result(tmp_path, nullcontext) as staging:
            write(staging, (LABELS, TUMOR_PROBABILITY), "run 2")
            raise error

    write(tmp_path, RESULT_FILES, "run 1")
    with pytest.raises(type(error)):
        stop_halfway()
    assert content(tmp_path) == dict.fromkeys(RESULT_FILES, "run 1")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("failing", RESULT_FILES)
def test_when_moving_fails_there_is_no_screening_json_to_believe_in(tmp_path, monkeypatch, failing):
    write(tmp_path, RESULT_FILES, "run 1")
    replace = Path.replace

    def failing_replace(self, target):
        if self.name == failing:
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing_replace)
    with pytest.raises(WriteError, match="Permission denied"), new_result(tmp_path, nullcontext) as staging:
        write(staging, RESULT_FILES, "run 2")
    assert not (tmp_path / SCREENING).exists()
    assert not list(tmp_path.glob(".*"))


def test_moving_and_cleaning_up_are_shielded_from_signals(tmp_path):
    shields = []

    @contextmanager
    def shield():
        shields.append("on")
        yield
        shields.append(sorted(content(tmp_path)))

    with new_result(tmp_path, shield) as staging:
        write(staging, RESULT_FILES, "run 1")
    assert shields == ["on", [], "on", sorted(RESULT_FILES), "on", sorted(RESULT_FILES)]


def test_a_folder_is_made_with_its_parents(tmp_path):
    assert open_result_folder(tmp_path / "a" / "b").is_dir()


def test_a_file_is_no_folder_to_write_into(tmp_path):
    (tmp_path / "scan.nii").write_text("precious")
    for place in (tmp_path / "scan.nii", tmp_path / "scan.nii" / "result"):
        with pytest.raises(UsageError, match="name a"):
            open_result_folder(place)
    assert (tmp_path / "scan.nii").read_text() == "precious"


def test_a_folder_in_the_place_of_a_result_file_is_not_removed(tmp_path):
    (tmp_path / REPORT).mkdir()
    with pytest.raises(UsageError, match=REPORT):
        open_result_folder(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("PDACScreeningLib.session.result_folder.tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        open_result_folder(tmp_path)


def test_what_a_killed_run_left_behind_is_swept_away(tmp_path):
    killed = tmp_path / ".partial-abc"
    killed.mkdir()
    write(killed, (LABELS, ".partial-x-report.html"), "half")
    with new_result(tmp_path, nullcontext) as staging:
        write(staging, RESULT_FILES, "run 2")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(RESULT_FILES)


def test_a_hidden_folder_with_anything_else_in_it_is_not_ours_to_remove(tmp_path):
    foreign = tmp_path / ".partial-download"
    foreign.mkdir()
    write(foreign, (LABELS, "thesis.tex"), "mine")
    with new_result(tmp_path, nullcontext) as staging:
        write(staging, RESULT_FILES, "run 1")
    assert content(foreign) == {LABELS: "mine", "thesis.tex": "mine"}
