import os
import stat
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import FolderInUse, UsageError, WriteError
from PDACScreeningLib.session.result_folder import (
    LABELS,
    REPORT,
    RESULT_FILES,
    SCREENING,
    TUMOR_PROBABILITY,
    open_result_folder,
    require_result_folder,
)
from PDACScreeningLib.session.result_place import ResultPlace, held_place, new_result, place_of_new_run

HOLDER = (
    "import sys, time; from contextlib import nullcontext; from pathlib import Path\n"
    "from PDACScreeningLib.session.result_place import held_place\n"
    "with held_place(Path(sys.argv[1]), nullcontext): print('held', flush=True); time.sleep(600)"
)


def write(folder, names, run):
    for name in names:
        (folder / name).write_text(run)


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def run(folder, names, text):
    with held_place(folder, nullcontext), new_result(folder, nullcontext) as staging:
        write(staging, names, text)


@pytest.fixture
def folder(tmp_path):
    """A folder with a whole earlier result."""
    run(tmp_path / "out", RESULT_FILES, "run 1")
    return tmp_path / "out"


def beside(folder):
    return sorted(path.name for path in folder.parent.iterdir())


def test_an_earlier_result_is_moved_aside_whole(folder):
    run(folder, (REPORT, SCREENING), "run 2")
    assert content(folder) == {REPORT: "run 2", SCREENING: "run 2"}
    assert content(folder.with_name("out.previous")) == dict.fromkeys(RESULT_FILES, "run 1")
    assert beside(folder) == ["out", "out.previous"]


def test_no_earlier_result_is_ever_replaced(folder):
    for number in (2, 3, 4):
        run(folder, RESULT_FILES, f"run {number}")
    kept = {name: set(content(folder.parent / name).values()) for name in beside(folder)}
    assert kept == {
        "out": {"run 4"},
        "out.previous": {"run 1"},
        "out.previous-2": {"run 2"},
        "out.previous-3": {"run 3"},
    }


def test_at_its_beginning_a_run_leaves_no_earlier_result_standing_under_its_name(folder):
    (folder / "notes.txt").write_text("mine")
    told = []
    for _ in range(2):
        with place_of_new_run(folder, nullcontext, told.append):
            assert content(folder) == {"notes.txt": "mine"}
    assert told == [f"The earlier result of {folder} now lies in {folder}.previous."]
    assert content(folder.with_name("out.previous")) == dict.fromkeys(RESULT_FILES, "run 1")


def test_files_and_folders_of_other_names_stay(folder):
    (folder / "notes.txt").write_text("mine")
    (folder / "scans").mkdir()
    (folder / "scans" / "a.dcm").write_text("mine, too")
    run(folder, RESULT_FILES, "run 2")
    assert content(folder) == {**dict.fromkeys(RESULT_FILES, "run 2"), "notes.txt": "mine"}
    assert content(folder / "scans") == {"a.dcm": "mine, too"}


def test_a_foreign_file_is_never_overwritten_on_its_way_back(folder):
    (folder / "notes.txt").write_text("mine")
    with held_place(folder, nullcontext), new_result(folder, nullcontext) as staging:
        write(staging, (*RESULT_FILES, "notes.txt"), "run 2")
    assert content(folder)["notes.txt"] == "run 2"
    assert content(folder.with_name("out.previous"))["notes.txt"] == "mine"


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("written", [(LABELS, TUMOR_PROBABILITY), RESULT_FILES])
def test_when_writing_stops_the_folder_is_as_it_was_and_nothing_else_is_left(folder, error, written):
    def stop_halfway():
        with held_place(folder, nullcontext), new_result(folder, nullcontext) as staging:
            write(staging, written, "run 2")
            raise error

    with pytest.raises(type(error)):
        stop_halfway()
    assert content(folder) == dict.fromkeys(RESULT_FILES, "run 1")
    assert beside(folder) == ["out"]


def as_killed_between_the_renamings(folder, monkeypatch):
    """Put a second result with a foreign file around it; stop after the first renaming."""
    rename = Path.rename

    def failing_rename(self, target):
        if self.name == ".out.partial":
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", failing_rename)
        with pytest.raises(WriteError, match="Permission denied"):
            run(folder, RESULT_FILES, "run 2")
    assert beside(folder) == [".out.aside", ".out.partial"]


def test_a_result_that_waits_between_the_renamings_is_put_into_place_by_the_next_run(folder, monkeypatch):
    (folder / "notes.txt").write_text("mine")
    as_killed_between_the_renamings(folder, monkeypatch)
    assert ResultPlace(folder).was_interrupted
    with held_place(folder, nullcontext):
        assert content(folder) == {**dict.fromkeys(RESULT_FILES, "run 2"), "notes.txt": "mine"}
    assert content(folder.with_name("out.previous")) == dict.fromkeys(RESULT_FILES, "run 1")
    assert beside(folder) == ["out", "out.previous"]


def test_so_it_is_when_somebody_made_the_folder_again_by_hand(folder, monkeypatch):
    as_killed_between_the_renamings(folder, monkeypatch)
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    run(folder, RESULT_FILES, "run 3")
    kept = {name: content(folder.parent / name) for name in beside(folder)}
    assert kept["out"] == {**dict.fromkeys(RESULT_FILES, "run 3"), "notes.txt": "mine"}
    assert kept["out.previous"] == dict.fromkeys(RESULT_FILES, "run 1")
    assert kept["out.previous-2"] == dict.fromkeys(RESULT_FILES, "run 2")


def test_renaming_and_cleaning_up_are_shielded_from_signals(tmp_path):
    states = []

    @contextmanager
    def shield():
        states.append("on")
        yield
        states.append(beside(tmp_path / "out"))

    with held_place(tmp_path / "out", shield), new_result(tmp_path / "out", shield) as staging:
        write(staging, RESULT_FILES, "run 1")
    partial = [".out.lock", ".out.partial"]
    assert states == ["on", [".out.lock"], "on", partial, "on", [".out.lock", "out"]]


def test_two_runs_never_write_into_one_folder_and_a_killed_one_holds_nothing(tmp_path):
    out = tmp_path / "out"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(out)], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderInUse, match="another run is writing into"):
            run(out, RESULT_FILES, "run 2")
        holder.kill()
    run(out, RESULT_FILES, "run 3")
    assert beside(out) == ["out"]


def test_a_link_stands_for_the_folder_it_leads_to(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    run(tmp_path / "link", RESULT_FILES, "run 2")
    assert (tmp_path / "link").is_symlink()
    assert set(content(folder).values()) == {"run 2"}
    assert (tmp_path / "out.previous").is_dir()


def test_a_new_result_keeps_the_permissions_of_its_folder_and_files_follow_the_umask(folder):
    folder.chmod(0o750)
    before = os.umask(0o027)
    try:
        with held_place(folder, nullcontext), new_result(folder, nullcontext) as staging:
            atomic_file.write_text(staging / SCREENING, "run 2")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE((folder / SCREENING).stat().st_mode) == 0o640


def test_a_folder_is_made_with_its_parents(tmp_path):
    assert open_result_folder(tmp_path / "a" / "b").is_dir()
    run(tmp_path / "c" / "d", RESULT_FILES, "run 1")
    assert (tmp_path / "c" / "d").is_dir()


def test_a_file_is_no_folder_to_write_into(tmp_path):
    (tmp_path / "scan.nii").write_text("precious")
    for place in (tmp_path / "scan.nii", tmp_path / "scan.nii" / "result"):
        for check in (open_result_folder, require_result_folder):
            with pytest.raises(UsageError, match="name a"):
                check(place)
    assert (tmp_path / "scan.nii").read_text() == "precious"


def test_a_folder_in_the_place_of_a_result_file_is_not_moved(tmp_path):
    (tmp_path / REPORT).mkdir()
    with pytest.raises(UsageError, match=REPORT):
        require_result_folder(tmp_path)


def test_a_folder_that_cannot_be_renamed_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, why in ((Path(), "this command runs in"), (Path("/"), "top of a disk")):
        with pytest.raises(UsageError, match=why):
            require_result_folder(folder)


@pytest.mark.parametrize("place", [".", ".."])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, place):
    (tmp_path / "out").mkdir()
    unwritable = (tmp_path / "out" / place).resolve()

    def refuse(*, dir):
        if dir == unwritable:
            raise PermissionError(13, "Permission denied")
        return nullcontext()

    monkeypatch.setattr("PDACScreeningLib.session.result_folder.tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        require_result_folder(tmp_path / "out")


def test_what_a_killed_run_left_behind_is_swept_away(tmp_path):
    killed = tmp_path / ".out.partial"
    killed.mkdir()
    write(killed, (LABELS, ".partial-x-report.html"), "half")
    run(tmp_path / "out", RESULT_FILES, "run 2")
    assert beside(tmp_path / "out") == ["out"]


def test_a_hidden_folder_with_anything_else_in_it_is_not_ours_to_remove(tmp_path):
    foreign = tmp_path / ".out.partial"
    foreign.mkdir()
    write(foreign, (LABELS, "thesis.tex"), "mine")
    with pytest.raises(WriteError, match="files of others"):
        run(tmp_path / "out", RESULT_FILES, "run 1")
    assert content(foreign) == {LABELS: "mine", "thesis.tex": "mine"}
