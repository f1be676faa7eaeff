"""Readers of what other programs and people wrote: DICOM objects, tables, trained networks, plans, results."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import nnunet_folders
import numpy as np
import pydicom
from crash_points import NEW, answer_of
from dicom_slices import body_slices, write_series
from foreign_segmentation import other_segmentation
from fuzzed_scans import damaged
from hostile_records import Reader
from node_parts import file_of, images, write_objects
from pants_tree import write_xlsx
from small_store import SPACING_MM, small_case

from PDACScreeningLib.cohort.folder import CohortFolder
from PDACScreeningLib.cohort.plan import PLAN, Case, Plan, Settings, read_plan, write_plan
from PDACScreeningLib.datasets.spreadsheet import read_sheet
from PDACScreeningLib.dicom.object_files import REPORT
from PDACScreeningLib.errors import DataError, InputRejected, ModelError, ResultError, UsageError
from PDACScreeningLib.network.nnunet_checkpoint import read_nnunet_checkpoint
from PDACScreeningLib.network.nnunet_labels import LabelWish
from PDACScreeningLib.network.nnunet_plans import read_plans
from PDACScreeningLib.node.received_image import file_image, key_of
from PDACScreeningLib.node.result_objects import require_own
from PDACScreeningLib.node.rules import read_facts
from PDACScreeningLib.reading_room.reader_log import About, ReaderLog
from PDACScreeningLib.reading_room.study_export import read_truth
from PDACScreeningLib.scan_files.dicom_segmentation import read_dicom_segmentation
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.session.stored_result import read_result
from PDACScreeningLib.training import packed_voxels
from PDACScreeningLib.training.case_store import CaseStore, write_case
from PDACScreeningLib.training.packed_voxels import packed_files
from PDACScreeningLib.training.store_index import StoreIndex, write_store_index
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry

Read = Callable[[Path], object]


def object_readers(folder: Path) -> dict[str, Reader]:
    """All of them, by the name of the file that is damaged. folder: empty, theirs alone."""
    makers = (_dicom_objects, _tables, _trained_elsewhere, _packed_case, _results, _cohort, _log)
    found = {}
    for number, make in enumerate(makers):
        place = folder / str(number)
        place.mkdir()
        found.update(make(place))
    return found


def _bytes_of(whole: bytes) -> Callable[[random.Random], bytes]:
    return lambda draw: damaged(whole, draw)


def _reader(whole: bytes, read: Read, *errors: type[Exception]) -> Reader:
    return Reader(whole, read, errors, damage=_bytes_of(whole))


def _at(place: Path, read: Callable[[], object]) -> Read:
    return lambda path: (place.write_bytes(path.read_bytes()), read())


def _dicom_objects(folder: Path) -> dict[str, Reader]:
    """A segmentation of another program, an image and a report as a node meets them."""
    series = write_series(folder / "ct", images())
    sources = [pydicom.dcmread(path) for path in sorted(series.glob("*.dcm"))]
    whole = other_segmentation(sources, folder / "other.dcm").read_bytes()
    scan = read_scan(series).volume.geometry
    image = file_of(body_slices()[0])
    order = SimpleNamespace(folder=str(folder / "sent"), request=SimpleNamespace(scan=str(series)))
    write_objects(order)
    report, first = folder / "sent" / REPORT, sorted(series.glob("*.dcm"))[0]
    key, whole_report = key_of(str(sources[0].SeriesInstanceUID)), report.read_bytes()
    return {
        "segmentation.dcm": _reader(whole, lambda path: read_dicom_segmentation(path, "it", scan), InputRejected),
        "received.dcm": _reader(image, lambda path: file_image(path.read_bytes()), DataError),
        "listed.dcm": _reader(image, lambda path: read_facts([path])),
        "report.dcm": _reader(whole_report, _at(report, lambda: require_own([report], [first], key)), ResultError),
    }


def _tables(folder: Path) -> dict[str, Reader]:
    """The sheet of a workbook, damaged before it is packed, and the truth of a reader study."""
    lines = [("PanTS ID", "age", "note"), ("a", 61, "x & y"), ("b", "", "z")]
    parts = _unpacked(write_xlsx(folder / "a.xlsx", lines).read_bytes())
    names = list(parts)

    def damage(draw: random.Random) -> bytes:
        if draw.random() < 0.3:
            return damaged(_packed(parts), draw)
        name = draw.choice(names)
        return _packed({**parts, name: damaged(parts[name], draw)})

    return {
        "metadata.xlsx": Reader(_packed(parts), read_sheet, (DataError,), damage=damage),
        "truth.csv": _reader(b"case,truth\n1,0\n2,1\n3,1\n", read_truth, UsageError),
    }


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _trained_elsewhere(folder: Path) -> dict[str, Reader]:
    """The three files of a folder that nnU-Net trained."""
    trained = nnunet_folders.write_folder(folder / "trained")
    plans, labels = trained / "plans.json", trained / "dataset.json"
    weights = trained / "fold_0" / nnunet_folders.CHECKPOINT

    def read() -> object:
        return read_plans(trained, "3d_fullres", LabelWish(("tumor",)))

    # in this order: the plans are read with the list of labels, which damage would have left broken
    return {
        "plans.json": Reader(plans.read_bytes(), _at(plans, read), (ModelError,)),
        "labels of plans.json": Reader(
            labels.read_bytes(), _after(plans, plans.read_bytes(), _at(labels, read)), (ModelError,)
        ),
        "weights.pth": _reader(weights.read_bytes(), read_nnunet_checkpoint, ModelError),
    }


def _after(place: Path, content: bytes, read: Read) -> Read:
    return lambda path: (place.write_bytes(content), read(path))


def _packed_case(folder: Path) -> dict[str, Reader]:
    """The compressed voxels of a case in a store."""
    hu, labels = small_case(0, tumor=True, shape=(16, 20, 24))
    stored = write_case(folder, "one", CTVolume(hu, Geometry(hu.shape, (SPACING_MM,) * 3)), labels, is_packed=True)
    write_store_index(folder, StoreIndex(SPACING_MM, "test", (stored,), is_packed=True))
    place = folder / packed_files("one")[0]

    def read() -> object:
        packed_voxels._digest.cache_clear()  # here files change faster than their times
        return np.asarray(CaseStore(folder).cases[0].hu)

    return {"case.hu.b2nd": _reader(place.read_bytes(), _at(place, read), DataError)}


def _results(folder: Path) -> dict[str, Reader]:
    """The record of a result that lies there whole."""
    answer_of(NEW).save(folder)
    place = folder / "screening.json"
    read = _at(place, lambda: read_result(folder))
    return {"screening.json of a result": Reader(place.read_bytes(), read, (ResultError,))}


def _cohort(folder: Path) -> dict[str, Reader]:
    """The plan of a cohort, and the list of files of one of its series."""
    case = Case(1, "a", listed=True)
    write_plan(Plan(Settings("m", "0" * 64, "0.1.0"), (case,)), folder)
    opened = CohortFolder(folder)
    opened.list_files(case, ("a.dcm", "b.dcm"))
    plan, listed = folder / PLAN, folder / "series" / f"{case.id}.json"
    whole = plan.read_bytes()
    return {
        "cohort.json": Reader(whole, _at(plan, lambda: read_plan(folder)), (UsageError,)),
        "series of a cohort": Reader(listed.read_bytes(), _at(listed, lambda: opened.files_of(case)), (UsageError,)),
    }


def _log(folder: Path) -> dict[str, Reader]:
    """What a reader wrote in the reading room."""
    written = folder / "written.sqlite"
    with closing(ReaderLog(written, "reader")) as log:
        log.add("mark", About("scan", "1", "0" * 64), {"suspicion": 3})
    whole = written.read_bytes()

    def read(path: Path) -> object:
        with closing(ReaderLog(path, "reader")) as log:
            return log.entries("mark")

    return {"reader.sqlite": _reader(whole, read, UsageError)}
