"""What the tests of the node are made of: a clock, images, a PACS and a screening that do as they are told."""

import io
from dataclasses import replace

import pydicom
from dicom_slices import SHAPE, body_slices
from highdicom.sr import Comprehensive3DSR  # noqa: F401  # its import takes a second, once
from pydicom.uid import generate_uid

from PDACScreeningLib.child_run.one_order import OrderEnd
from PDACScreeningLib.dicom.object_files import REPORT, SEGMENTATION
from PDACScreeningLib.node.admission import Admission
from PDACScreeningLib.node.config import config_of
from PDACScreeningLib.node.received_image import file_image
from PDACScreeningLib.node.screening_queue import ScreeningQueue
from PDACScreeningLib.node.sender import Sender
from PDACScreeningLib.node.spool import Spool
from PDACScreeningLib.outcome import Outcome

SUSPICIOUS = OrderEnd(Outcome.SUSPICIOUS, "50 tumor voxels")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


def plain_config(folder, **tables):
    """Tables of a whole configuration; `tables` changes keys of them."""
    plain = {
        "spool": {"folder": str(folder / "spool"), "keep_free_gib": 0},
        "screening": {"model": "demo-phantom"},
        "pacs": {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": 4242},
        "rules": {"min_images": 5},
        "completeness": {"quiet_s": 10, "patience_s": 100},
        "results": {"retry_s": 10},
    }
    for name, changes in tables.items():
        plain[name] = {**plain.get(name, {}), **changes}
    return plain


def file_of(dataset):
    """A data set as the bytes of a file."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def images(count=None, *, number=0, **changes):
    """A series of so many slices, all of the volume's by default; number: which series."""
    series = generate_uid(entropy_srcs=[f"series {number}"])
    given = {"StudyInstanceUID": generate_uid(entropy_srcs=[f"study {number}"]), "series": series, **changes}
    slices = body_slices(**given)[:count]
    for place, dataset in enumerate(slices):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=[f"{number}/{place}"]
        )
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=[f"frame {number}"])
    return slices


def received(dataset):
    return file_image(file_of(dataset))


class Pacs:
    """A PACS in memory. held: images of every series; None while it does not answer."""

    def __init__(self, held=SHAPE[0]):
        self.held, self.obstacle, self.objects, self.asked = held, "", [], 0

    def images_held(self, _key):
        self.asked += 1
        return self.held

    def send(self, paths):
        if self.obstacle:
            return self.obstacle
        self.objects += [pydicom.dcmread(path).SOPInstanceUID for path in paths]
        return ""


class Child:
    """A screening that ends as it is told and writes objects that name the images it was given."""

    def __init__(self, ended=SUSPICIOUS):
        self.ended, self.orders, self.meanwhile, self.changes = ended, [], lambda: None, {}

    def screen(self, order, stop):
        self.orders.append(order)
        self.meanwhile()
        if stop():
            return None
        if self.ended.outcome is not None:
            write_objects(order, **self.changes)
        return self.ended

    def close(self):
        return


def write_objects(order, **changes):
    """A report and a segmentation as far as the node looks at them, of the first image of the order's folder."""
    from pathlib import Path

    folder = Path(order.folder)
    folder.mkdir(parents=True)
    paths = sorted(Path(order.request.scan).glob("*.dcm"))
    source = pydicom.dcmread(paths[0], stop_before_pixels=True)
    for name in (SEGMENTATION, REPORT):
        thing = pydicom.Dataset()
        thing.file_meta = pydicom.dataset.FileMetaDataset()
        thing.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        thing.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
        thing.SOPInstanceUID = generate_uid(entropy_srcs=[f"{name} {len(paths)} {source.SeriesInstanceUID}"])
        thing.PatientID, thing.StudyInstanceUID = source.PatientID, source.StudyInstanceUID
        if "IssuerOfPatientID" in source:
            thing.IssuerOfPatientID = source.IssuerOfPatientID
        series = pydicom.Dataset()
        series.SeriesInstanceUID = source.SeriesInstanceUID
        study = pydicom.Dataset()
        study.ReferencedSeriesSequence = [series]
        thing.CurrentRequestedProcedureEvidenceSequence = [study]
        for keyword, value in changes.items():
            setattr(thing, keyword, value)
        thing.save_as(folder / name, enforce_file_format=True)


class Rooms:
    """A node without network and threads: its parts, with a clock, a PACS and a child of tests."""

    def __init__(self, folder, **tables):
        self.config = config_of(plain_config(folder, **tables))
        self.clock, self.pacs, self.child, self.told = Clock(), Pacs(), Child(), []
        self.open()

    def open(self):
        """As a node starts, also after an earlier one."""
        self.spool = Spool(self.config.spool, self.clock)
        parts = (self.config, self.spool)
        self.admission = Admission(*parts, self.pacs, self._tell, self.clock)
        self.queue = ScreeningQueue(*parts, self.child, self._tell)
        self.sender = Sender(*parts, self.pacs, self._tell, self.clock)

    def again(self, **changes):
        """Close and start once more; changes: of the table [spool]."""
        self.spool.close()
        self.config = replace(self.config, spool=replace(self.config.spool, **changes))
        self.open()

    def _tell(self, row, to, why):
        self.told.append((row.key, to.value, why))

    def receive(self, datasets):
        return [self.spool.receive(received(dataset)) for dataset in datasets]

    def pass_quietly(self, seconds=11.0):
        self.clock.wait(seconds)
        self.admission.step()

    def work(self):
        """Everything there is to do now."""
        while self.admission.step() or self.queue.step(lambda: False) or self.sender.step():
            pass

    @property
    def rows(self):
        return self.spool.database.all_series()

    @property
    def row(self):
        [row] = self.rows
        return row

    @property
    def state(self):
        return self.row.state.value
