"""Names of patients, sites, files and folders never reach an output, whatever command is run.

Every text element of the DICOM files, every file and every folder is called by the marker; then each byte that a
command leaves is searched: files, also unzipped, what it prints, in UTF-8, UTF-16 and base64.
"""

import base64
import gzip
import io
import time
import zipfile
import zlib

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, write_series
from pydicom.datadict import DicomDictionary
from screening_inputs import write_model
from stored_scans import body_hu

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.child_run.job_folder import JobFolder
from PDACScreeningLib.child_run.run_failure import diagnostics, error_diagnostics, failure_of
from PDACScreeningLib.child_run.warm_worker import WarmWorker
from PDACScreeningLib.dicom.object_files import DICOM_FILES
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.scan_files.image_io import write_volume
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.work_order import work_order
from PDACScreeningLib.volume.label_map import Label

MARKER = "Qzxmarker"
TEXTS = ("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT")
PLAIN = {MARKER.lower().encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")} | {b"19770517"}
FORMS = {base64.b64encode(bytes(lead) + MARKER.encode())[4:12] for lead in (0, 1, 2)}
PRECISION = ("--device", "cpu")


def mark(dataset):
    """Every text element at the top of a data set, and some private ones; returns how many."""
    listed = ((tag >> 16, vr, keyword) for tag, (vr, _, _, _, keyword) in DicomDictionary.items())
    keywords = [(keyword, vr) for group, vr, keyword in listed if vr in TEXTS and keyword and group > 2]
    for keyword, vr in keywords:
        value = f"{MARKER}{len(keyword)}"
        setattr(dataset, keyword, value[:16] if vr in ("AE", "SH") else value)
    block = dataset.private_block(0x0099, f"{MARKER} SITE", create=True)
    block.add_new(0x01, "LO", MARKER)
    dataset.RescaleType = "HU"  # with another, the series is refused
    dataset.PatientBirthDate = dataset.StudyDate = "19770517"
    return len(keywords)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Two cases, one with a tumor, as marked DICOM folders with marked label files, their list, and a model."""
    work = tmp_path_factory.mktemp("work")
    site = work / f"{MARKER}-hospital"
    rows = ["image,labels,case_id"]
    for number, label in enumerate((Label.TUMOR, Label.PANCREAS)):
        noise = np.random.default_rng(number).integers(-5, 6, SHAPE).astype(np.int16)
        slices = body_slices(hu=body_hu(SHAPE) + noise)
        assert min(mark(dataset) for dataset in slices) > 500
        folder = write_series(site / f"{MARKER}_{number}", slices, prefix=MARKER)
        labels = np.zeros(SHAPE, np.uint8)
        labels[4:16, 6:18, 6:18] = Label.PANCREAS
        labels[8:12, 8:14, 8:14] = label
        geometry = read_scan(str(folder)).volume.geometry
        write_volume(labels, geometry, site / f"{MARKER}-labels-{number}.nii.gz")
        rows.append(f"{MARKER}_{number},{MARKER}-labels-{number}.nii.gz,case-{number}")
    (site / f"{MARKER}.csv").write_text("\n".join(rows))
    write_model(work / "model", Label.TUMOR, working_spacing_mm=3.0)
    return work


def unpacked(content):
    """What the bytes hold, also when they are compressed or an archive."""
    yield content
    if content[:4] == b"NRRD":
        yield gzip.decompress(content.split(b"\n\n", 1)[1])
    if content[:2] == b"PK":
        yield from (content for content in _members(content))
    for stream in content.split(b"stream\n")[1:]:
        try:
            yield zlib.decompress(stream)
        except zlib.error:
            continue


def _has_name(content):
    """In whatever case: some readers make capitals of it."""
    return any(form in content for form in FORMS) or any(form in content.lower() for form in PLAIN)


def _members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield from (archive.read(name) for name in archive.namelist())


def told(folder, printed):
    """Where the marker was found: places of files, and "terminal"."""
    places = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if MARKER in path.name or path.is_file() and any(map(_has_name, unpacked(path.read_bytes())))
    }
    return places | ({"terminal"} if MARKER.lower() in (printed.out + printed.err).lower() else set())


def test_the_search_finds_what_is_there(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(b"x" + MARKER.encode())
    (tmp_path / "b.bin").write_bytes(MARKER.encode("utf-16-le"))
    (tmp_path / "c.html").write_bytes(base64.b64encode(b"picture of " + MARKER.encode() + b" in a page"))
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("note", MARKER)
    (tmp_path / "e.nrrd").write_bytes(b"NRRD0004\nencoding: gzip\n\n" + gzip.compress(MARKER.encode()))
    print(MARKER)  # noqa: T201
    assert told(tmp_path, capsys.readouterr()) == {"a.txt", "b.bin", "c.html", "d.npz", "e.nrrd", "terminal"}


@pytest.mark.parametrize("style", ["none", "json"])
def test_screen(work, tmp_path, capsys, style):
    scan = work / f"{MARKER}-hospital" / f"{MARKER}_0"
    typed = ["screen", str(scan), "--model", str(work / "model"), "--output", str(tmp_path / "out"), *PRECISION]
    assert main([*typed, "--progress", style]) in (0, 3)
    assert (tmp_path / "out" / "screening.json").is_file()
    assert told(tmp_path, capsys.readouterr()) == set()


def test_the_identity_is_told_when_it_is_asked_for(work, tmp_path, capsys):
    scan = work / f"{MARKER}-hospital" / f"{MARKER}_0"
    typed = ["screen", str(scan), "--model", str(work / "model"), "--output", str(tmp_path / "out"), *PRECISION]
    assert main([*typed, "--include-identifiers"]) in (0, 3)
    assert "out/screening.json" in told(tmp_path, capsys.readouterr())


def test_a_damaged_scan_is_refused_without_a_name_in_the_files(work, tmp_path, capsys):
    damaged = tmp_path / "in" / f"{MARKER}.nii.gz"
    damaged.parent.mkdir()
    damaged.write_bytes(b"\x1f\x8b damaged")
    assert main(["screen", str(damaged), "--model", str(work / "model"), "--output", str(tmp_path / "out")]) == 4
    assert told(tmp_path / "out", capsys.readouterr()) <= {"terminal"}  # "This is about: ..." is for who sits there


def test_header_text_that_a_refusal_is_about_stays_out_of_the_files(work, tmp_path, capsys):
    slices = body_slices()
    for dataset in slices:
        mark(dataset)
        dataset.RescaleType = MARKER
    scan = write_series(tmp_path / "in", slices)
    assert main(["screen", str(scan), "--model", str(work / "model"), "--output", str(tmp_path / "out")]) == 4
    assert told(tmp_path / "out", capsys.readouterr()) <= {"terminal"}


def test_prepare_train_publish_and_evaluate(work, tmp_path, capsys):
    listed, store = work / f"{MARKER}-hospital" / f"{MARKER}.csv", tmp_path / "store"
    assert main(["prepare", str(listed), "--working-spacing-mm", "3", "--output", str(store)]) == 0
    assert told(store, capsys.readouterr()) <= {"terminal"}
    short = ("--recipe", "short", "--base-width", "2", "--iterations", "2", "--batch-size", "2")
    run = tmp_path / "run"
    for size in ("64", "32", "16"):
        assert main(["train", str(store), "--patch-size", size, "--output", str(run), *short, *PRECISION]) == 0
    publish = ["publish", str(run), "--name", "tiny", "--trained-on", "boxes", "--output", str(tmp_path / "model")]
    assert main(publish) == 0
    evaluate = ["evaluate", str(store), "--model", str(work / "model"), "--output", str(tmp_path / "evaluation")]
    assert main([*evaluate, *PRECISION]) == 0
    assert (tmp_path / "evaluation" / "experiment.json").is_file()
    assert told(tmp_path, capsys.readouterr()) == set()


def ran_as_the_panel_does(work, job, scan, **choices):
    """A worker's events and other lines for an order whose files lie in the job folder."""
    workers = WarmWorker()
    worker = workers.take()
    choices = {"model": str(work / "model"), "device": "cpu", **choices}
    worker.send(to_plain(work_order(str(scan), str(job.path / "result"), choices)))
    events = []
    while not any(event["event"] == "result" for event in events) and (worker.running or not events):
        events += worker.events()
        time.sleep(0.05)
    worker.close()
    return events, worker.other_output


@pytest.mark.parametrize("is_damaged", [False, True])
def test_the_job_folder_of_the_panel_and_its_diagnostics(work, tmp_path, monkeypatch, is_damaged, capsys):
    """The user's name stands in every path; the voxels come from a scan that is marked all over."""
    home = tmp_path / f"{MARKER}-home" / "temporary"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home.parent))
    monkeypatch.setenv("USER", MARKER)
    job = JobFolder(home)
    read = read_scan(str(work / f"{MARKER}-hospital" / f"{MARKER}_0"))
    scan = write_volume(read.volume.hu, read.volume.geometry, job.path / "ct.mha")
    if is_damaged:
        scan.write_bytes(scan.read_bytes()[:-9])
    events, other_output = ran_as_the_panel_does(work, job, scan)
    result = events[-1]
    assert result["outcome"] == ("REJECTED" if is_damaged else "SUSPICIOUS")
    facts = {"message": result["reason"], "exit code": result["exit_code"], "temporary folder": job.path}
    (tmp_path / "copied").mkdir()
    text = diagnostics(facts, "last lines of the process", [*other_output, *(str(event) for event in events)])
    (tmp_path / "copied" / "diagnostics.txt").write_text(text)
    assert told(job.path, capsys.readouterr()) == set()
    assert told(tmp_path / "copied", capsys.readouterr()) == set()
    assert MARKER not in failure_of(result["exit_code"], result["outcome"], result["reason"], other_output).sentence
    job.remove()
    assert not list(home.iterdir())


def test_diagnostics_of_an_error_leave_its_message_out():
    try:
        raise RuntimeError(f"{MARKER} in /home/{MARKER}/scan.nii")
    except RuntimeError as error:
        text = error_diagnostics(error)
    assert "problem: RuntimeError" in text
    assert "test_privacy.py" in text
    assert MARKER not in text
    lines = [f"OSError: /home/{MARKER}/scans/ct.nii is gone", f"C:\\Users\\{MARKER}\\ct.nii"]
    assert MARKER not in diagnostics({"temporary folder": f"/tmp/{MARKER}/x"}, "lines", lines)


def test_dicom_results_carry_the_identity_and_nothing_else_does(work, tmp_path, capsys):
    slices = body_slices(hu=body_hu(SHAPE), FrameOfReferenceUID="1.2.3.4")
    for dataset in slices:
        mark(dataset)
    scan = write_series(tmp_path / "in" / MARKER, slices, prefix=MARKER)
    typed = ["screen", str(scan), "--model", str(work / "model"), "--output", str(tmp_path / "out"), *PRECISION]
    assert main([*typed, "--dicom-out"]) in (0, 3)
    marked = told(tmp_path / "out", capsys.readouterr())
    assert "segmentation.dcm" in marked
    assert marked <= set(DICOM_FILES)


def test_an_archive_is_unpacked_and_screened_without_its_names(work, tmp_path, monkeypatch, capsys):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    folder = work / f"{MARKER}-hospital" / f"{MARKER}_0"
    with zipfile.ZipFile(tmp_path / f"{MARKER}.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"{MARKER}/{path.name}")
    typed = ["screen", str(tmp_path / f"{MARKER}.zip"), "--model", str(work / "model"), *PRECISION]
    assert main([*typed, "--output", str(tmp_path / "out")]) in (0, 3)
    assert told(tmp_path / "out", capsys.readouterr()) == set()
    assert not list(place.iterdir())


@pytest.mark.parametrize("series", ["portal", MARKER])
def test_a_choice_of_series_stays_on_the_terminal(work, tmp_path, capsys, series):
    for number in (3, 4):
        slices = body_slices(series=f"1.2.{number}", SeriesNumber=number)
        for dataset in slices:
            mark(dataset)
        write_series(tmp_path / "in" / str(number), slices)
    typed = ["screen", str(tmp_path / "in"), "--series", series, "--model", str(work / "model")]
    assert main([*typed, "--output", str(tmp_path / "out")]) == 4
    assert told(tmp_path / "out", capsys.readouterr()) <= {"terminal"}
