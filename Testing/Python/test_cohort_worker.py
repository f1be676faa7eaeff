"""A worker of a cohort: what it commits, what it tries again, when it gives a scan up, and when it stops."""

import json
import os
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
import sample_screenings as samples
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.child_run.one_order import OrderEnd
from PDACScreeningLib.cohort import worker as worker_module
from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import short_digest
from PDACScreeningLib.cohort.table import ORDER, QUARANTINED, counts, csv_text, table_rows
from PDACScreeningLib.cohort.worker import CohortWorker, Machine
from PDACScreeningLib.dicom.object_files import REPORT
from PDACScreeningLib.errors import WriteError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.stored_result import read_screening
from PDACScreeningLib.volume.label_map import Label
from PDACScreeningLib.work_claim import ClaimEnd

Usage = namedtuple("Usage", "total used free")


class Child:
    """Stands for the child that screens: answers by the name of the scan, and remembers what it was asked."""

    def __init__(self):
        self.orders, self.answers, self.before_answer = [], {}, lambda _order: None

    def __call__(self, _workers, order, *, should_stop, **_):
        self.orders.append(order)
        screening = self.answers.get(Path(order.request.scan).name, samples.NOT_SUSPICIOUS)
        self.before_answer(order)
        if should_stop():
            screening = samples.CANCELLED
        if screening is None:
            return OrderEnd(None, "the process was ended from outside")
        Answer(screening).save(order.folder)
        return OrderEnd(screening.outcome, screening.reason)

    @property
    def scans(self):
        return sorted(Path(order.request.scan).name for order in self.orders)


class Heard:
    def __init__(self):
        self.notices = []

    def notice(self, message):
        self.notices.append(message)


@pytest.fixture
def child(monkeypatch):
    stub = Child()
    monkeypatch.setattr(worker_module, "carry_out", stub)
    return stub


@pytest.fixture
def cohort(tmp_path):
    model = write_model(tmp_path / "model", Label.TUMOR)
    (tmp_path / "scans").mkdir()
    for name in ("a", "b", "c"):
        write_scan(tmp_path / "scans" / f"{name}.nii.gz", shape=(8, 8, 8))
    assert main(["cohort", "plan", str(tmp_path / "cohort"), str(tmp_path / "scans"), "--model", str(model)]) == 0
    return CohortFolder(tmp_path / "cohort")


def work(cohort, should_stop=lambda: False):
    heard = Heard()
    return CohortWorker(cohort, Machine("cpu"), heard, should_stop).work(ignore_progress), heard.notices


def states(cohort):
    return {state: number for state, number in counts(table_rows(cohort)).items() if number}


def test_every_kind_of_answer_is_committed_once(cohort, child):
    child.answers = {"a.nii.gz": samples.SUSPICIOUS, "b.nii.gz": samples.REJECTED, "c.nii.gz": samples.INDETERMINATE}
    assert work(cohort)[0].committed == 3
    assert states(cohort) == {"REJECTED": 1, "INDETERMINATE": 1, "SUSPICIOUS": 1}
    assert work(cohort)[0].committed == 0
    assert len(child.orders) == 3


def test_a_failure_is_tried_again_and_the_fourth_start_is_none(cohort, child):
    child.answers = {"b.nii.gz": None}
    done, notices = work(cohort)
    assert (done.committed, done.failed, done.quarantined) == (2, 3, 1)
    assert child.scans.count("b.nii.gz") == 3
    assert states(cohort) == {QUARANTINED: 1, "NOT_SUSPICIOUS": 2}
    assert all("ended from outside" in notice for notice in notices)


@pytest.mark.parametrize("first", range(3))
def test_a_scan_that_was_begun_in_vain_comes_last(cohort, child, monkeypatch, first):
    """Wherever a worker begins: workers that are killed at random must not meet the same scan three times."""
    [begun] = [one for one in map(cohort.standing, cohort.plan.cases) if Path(one.case.scan).name == "b.nii.gz"]
    cohort.board().take(begun.name).end(ClaimEnd.FAILED)
    monkeypatch.setattr(worker_module.secrets, "randbelow", lambda _count: first)
    assert work(cohort)[0].committed == 3
    assert Path(child.orders[-1].request.scan).name == "b.nii.gz"


def test_a_screening_that_failed_is_no_result(cohort, child):
    child.answers = {"b.nii.gz": samples.FAILED}
    work(cohort)
    assert states(cohort) == {QUARANTINED: 1, "NOT_SUSPICIOUS": 2}


def test_scans_put_aside_are_tried_again_when_that_is_asked_for(cohort, child):
    child.answers = {"b.nii.gz": None}
    work(cohort)
    child.answers = {}
    assert cohort.let_out_of_quarantine() == 1
    assert work(cohort)[0].committed == 1
    assert states(cohort) == {"NOT_SUSPICIOUS": 3}


def test_a_stop_lets_the_scan_go_without_counting_against_it(cohort, child):
    stopped = []
    child.before_answer = stopped.append
    for _ in range(5):
        stopped.clear()
        done, _ = work(cohort, should_stop=lambda: bool(stopped))
        assert (done.committed, done.was_stopped) == (0, True)
    child.before_answer = lambda _order: None
    assert work(cohort)[0].committed == 3


def test_of_two_workers_that_finish_the_same_scan_the_first_wins(cohort, child):
    """The second slept through its lease: what it did is thrown away, and the committed result stays as it is."""
    first = replace(samples.SUSPICIOUS, reason="the first")
    child.answers = {name: replace(samples.SUSPICIOUS, reason="the second") for name in ("a.nii.gz",)}

    def overtake(order):
        name = Path(order.folder).parent.name.rpartition("-")[0]
        if Path(order.request.scan).name == "a.nii.gz":
            Answer(first).save(cohort.results / name)

    child.before_answer = overtake
    done, _ = work(cohort)
    assert (done.committed, done.lost) == (2, 1)
    result = next(path for path in cohort.results.iterdir() if read_screening(path).outcome is Outcome.SUSPICIOUS)
    assert read_screening(result).reason == "the first"


def test_a_scan_that_changes_while_it_is_screened_is_screened_again(cohort, child, tmp_path):
    scan, changes = tmp_path / "scans" / "a.nii.gz", []

    def change(order):
        if Path(order.request.scan) == scan and not changes:
            changes.append(1)
            os.utime(scan, (1, 1))

    child.before_answer = change
    assert work(cohort)[0].committed == 3
    assert child.scans.count("a.nii.gz") == 2


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_series_is_known_by_names_sizes_and_times_of_its_files(cohort, tmp_path, is_listed):
    """The same by other means: paths in their order. A result stays counted after an update of this software."""
    folder = tmp_path / "study"
    for number, name in enumerate(("b/1.dcm", "a.dcm", "b.dcm", "a/2.dcm", "a/10.dcm")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * number)
    case = replace(cohort.plan.cases[0], scan=str(folder), series="1.2", listed=is_listed)
    files = sorted(path for path in folder.rglob("*.dcm"))
    cohort.list_files(case, tuple(str(path.relative_to(folder)) for path in reversed(files)))
    facts = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    assert cohort.standing(case).name == f"{case.id}-{short_digest(facts)[:8]}"
    (folder / "a" / "2.dcm").write_bytes(b"another")
    assert cohort.standing(case).name != f"{case.id}-{short_digest(facts)[:8]}"
    (folder / "a" / "2.dcm").unlink()
    assert (cohort.standing(case).name == "") is is_listed  # a slice is missing; of a whole folder, it is another scan


def test_a_result_that_is_not_the_one_that_was_told_is_not_committed(cohort, child, monkeypatch):
    def liar(_workers, order, **_):
        Answer(samples.NOT_SUSPICIOUS).save(order.folder)
        return OrderEnd(Outcome.SUSPICIOUS, "")

    monkeypatch.setattr(worker_module, "carry_out", liar)
    assert work(cohort)[0].committed == 0
    assert states(cohort) == {QUARANTINED: 3}


def test_a_full_disk_stops_the_worker_before_it_takes_a_scan(cohort, child, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(1, 1, 0))
    with pytest.raises(WriteError, match="no further scan is begun"):
        work(cohort)
    assert child.orders == []


def test_a_scan_that_this_machine_cannot_see_is_left_to_others_and_told(cohort, child, tmp_path):
    (tmp_path / "scans" / "b.nii.gz").unlink()
    done, _ = work(cohort)
    assert (done.committed, done.unseen) == (2, 1)
    assert states(cohort) == {"UNSEEN": 1, "NOT_SUSPICIOUS": 2}


def test_nothing_of_an_attempt_stays_behind(cohort, child):
    name = next(cohort.standings()).name
    (cohort.attempts / f"{name}-0123abcd" / "result").mkdir(parents=True)  # of a worker that was killed
    work(cohort)
    assert list(cohort.attempts.iterdir()) == []
    assert not list(cohort.folder.glob("claims/*/.clock-*"))


def test_the_order_is_what_was_planned(cohort, child):
    work(cohort)
    order = child.orders[0]
    assert (order.model.model, order.model.device) == (cohort.plan.settings.model, "cpu")
    assert order.request.protocol == cohort.plan.settings.protocol


def test_a_model_that_was_replaced_stops_the_worker(cohort, tmp_path, capsys):
    shutil.rmtree(tmp_path / "model")
    write_model(tmp_path / "model", Label.PANCREAS)
    assert main(["cohort", "work", str(cohort.folder)]) == 2
    assert "is not the one the cohort was planned with" in capsys.readouterr().err


def test_another_version_stops_the_worker(cohort, capsys):
    path = cohort.folder / "cohort.json"
    path.write_text(path.read_text().replace('"software": "', '"software": "0.0.'))
    assert main(["cohort", "work", str(cohort.folder)]) == 2
    assert "planned with version" in capsys.readouterr().err


def test_the_table_has_every_scan_and_those_not_assessed_come_first(cohort, child):
    child.answers = {"b.nii.gz": samples.INDETERMINATE, "c.nii.gz": samples.SUSPICIOUS}
    work(cohort)
    rows = table_rows(cohort)
    assert [row.state for row in rows] == ["INDETERMINATE", "SUSPICIOUS", "NOT_SUSPICIOUS"]
    assert sum(counts(rows).values()) == len(rows) == 3
    assert set(counts(rows)) == set(ORDER)


def test_a_result_that_was_tampered_with_is_told_as_damaged(cohort, child):
    child.answers = {"a.nii.gz": samples.SUSPICIOUS}
    work(cohort)
    for result in cohort.results.iterdir():
        (result / "report.html").write_text("nothing suspicious")
    assert states(cohort) == {"DAMAGED": 3}


def test_no_cell_is_a_formula_and_places_are_told_only_when_asked_for(cohort, child):
    child.answers = {"a.nii.gz": replace(samples.REJECTED, reason="=HYPERLINK(1)")}
    work(cohort)
    assert "'=HYPERLINK" in csv_text(table_rows(cohort))
    assert "a.nii.gz" not in csv_text(table_rows(cohort))
    assert "a.nii.gz" in csv_text(table_rows(cohort, with_places=True), with_places=True)


def test_the_page_counts_every_scan_and_names_no_place(cohort, child, capsys):
    child.answers = {"b.nii.gz": samples.REJECTED}
    work(cohort)
    assert main(["cohort", "table", str(cohort.folder)]) == 3
    page = (cohort.folder / "cohort.html").read_text()
    assert "Cohort of 3 scans" in page
    assert "2 of 3 scans were assessed" in page
    assert str(cohort.folder.parent) not in page
    assert page.index("rejected") < page.index("does not exclude cancer")
    assert "normal" not in page.lower()
    for row in table_rows(cohort):
        assert row.report in page


def test_status_tells_what_is_left(cohort, child, capsys):
    assert main(["cohort", "status", str(cohort.folder), "--json"]) == 3
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["scans"], facts["left"], facts["starts"]) == (3, 3, 0)
    work(cohort)
    assert main(["cohort", "status", str(cohort.folder)]) == 0


def test_the_array_job_names_every_worker_and_its_options(cohort, capsys):
    words = ["--workers", "4", "--sbatch=--time=01:00:00", "--device", "cpu", "--dry-run"]
    assert main(["cohort", "submit", str(cohort.folder), *words]) == 0
    script = (cohort.folder / "cohort.sbatch").read_text()
    assert "#SBATCH --array=1-4" in script
    assert "#SBATCH --time=01:00:00" in script
    assert f"cohort work {cohort.folder} --device cpu" in script
    assert "@" not in script.replace("$@", "")
    assert main(["cohort", "submit", str(cohort.folder), "--workers", "4", "--sbatch", "rm -rf"]) == 2


def test_a_cohort_of_real_scans_is_screened_by_a_real_child(tmp_path, capsys):
    """The one test without a stand-in: a folder with two series in it, screened as its links."""
    from dicom_slices import body_slices, write_series

    model = write_model(tmp_path / "model", Label.PANCREAS)
    words = {"StudyInstanceUID": "1.2", "PatientID": "P", "FrameOfReferenceUID": "1.2.9"}
    write_series(tmp_path / "dicom", body_slices(series="1.2.3", **words), prefix="a")
    write_series(tmp_path / "dicom", body_slices(series="1.2.4", SeriesDescription="native", **words), prefix="b")
    folder = str(tmp_path / "cohort")
    words = ["--model", str(model), "--protocol", "fast", "--dicom-out"]
    assert main(["cohort", "plan", folder, str(tmp_path / "dicom"), *words]) == 0
    assert main(["cohort", "work", folder, "--device", "cpu"]) == 0
    [row] = table_rows(CohortFolder(tmp_path / "cohort"))
    assert row.state in ("NOT_SUSPICIOUS", "INDETERMINATE"), row.reason
    result = CohortFolder(tmp_path / "cohort").folder / Path(row.report).parent
    assert read_screening(result).input.shape_zyx[0] == 20
    assert (result / REPORT).is_file()  # of DICOM
