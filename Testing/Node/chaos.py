"""A day of bad luck, in minutes: senders, kills, outages, a full spool; and what must hold after it all the same.

python Testing/Node/chaos.py FOLDER [KILLS [SEED]]    prints the figures; `make test-node` runs it with 30 kills
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "Python"), str(Path(__file__).resolve().parents[2])]

import pydicom  # noqa: E402
from dicom_slices import SHAPE  # noqa: E402
from node_parts import file_of, images  # noqa: E402
from node_process import NodeProcess, free_port, toml_of  # noqa: E402
from orthanc import Orthanc  # noqa: E402
from pydicom.uid import generate_uid  # noqa: E402
from pynetdicom import AE  # noqa: E402

from PDACScreeningLib.node.received_image import file_image, key_of  # noqa: E402

STUDIES, SENDERS, OUTAGES, ALL = 50, 5, 3, SHAPE[0]
HALF, LATE, TWICE, IN_TURNS = (7, 23), (11, 31), (3, 19, 42), ((5, 15), (26, 36))
OUTAGE_S, REFUSAL_S, PATIENCE_S = 4.0, 20.0, 150.0
MARKER, BIRTH = "Qzxmarker", "19770517"
SUCCESS, NO_ROOM = 0x0000, 0xA700
NO_CT = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.88.67": "SR",  # radiation dose
    "1.2.840.10008.5.1.4.1.1.88.33": "SR",
    "1.2.840.10008.5.1.4.1.1.481.2": "RTDOSE",
}


def study(number):
    """The CT images of a study whose every word is a marker of its patient."""
    return images(
        number=number,
        PatientName=f"{MARKER}^{number}",
        PatientID=f"{MARKER}{number}",
        IssuerOfPatientID=MARKER if number % 2 else "",
        PatientBirthDate=BIRTH,
        AccessionNumber=f"{MARKER[:8]}{number}",
        StudyDate=BIRTH,
    )


def beside(number):
    """What else a study push holds."""
    for place, (sop_class, modality) in enumerate(NO_CT.items()):
        [one] = images(1, number=1000 + 10 * number + place, PatientID=f"{MARKER}{number}", Modality=modality)
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = sop_class
        yield one


@dataclass
class Figures:
    """What was done, and what was seen."""

    kills: int = 0
    stops: int = 0
    outages: int = 0
    acknowledged: set = field(default_factory=set)  # (name, SHA-256) of images
    answers: Counter = field(default_factory=Counter)
    broken: int = 0  # associations that ended in the middle
    strangers: int = 0


class Sender(threading.Thread):
    """One scanner: its studies one after the other, each image until it is acknowledged."""

    def __init__(self, chaos, number):
        super().__init__(daemon=True)
        self._chaos, self._random = chaos, random.Random(f"{chaos.seed} sender {number}")
        self._numbers, self._association = list(range(number, STUDIES, SENDERS)), None
        self.failure = None

    def run(self):
        try:
            for number in self._numbers:
                self._send_study(number)
        except BaseException as error:
            self.failure = error
            raise

    def _send_study(self, number):
        pair = next((pair for pair in IN_TURNS if number in pair), None)
        if pair is not None and number == pair[1]:
            return  # came in turns with the other one
        slices = study(number)
        if pair is not None:
            slices = [one for both in zip(slices, study(pair[1]), strict=True) for one in both]
        if number in HALF:
            slices = slices[: ALL // 2]
        others = list(beside(number))
        for place, one in enumerate(slices):
            if number in LATE and place == ALL - 5:
                self._wait_until_sent(one)
                for late in slices[place:]:
                    self._chaos.orthanc.put_in(file_of(late))
            if place % 6 == 3:
                self._insist(others[place // 6 % len(others)])
            self._insist(one)
        if number in TWICE:
            for one in slices:
                self._insist(one)

    def _wait_until_sent(self, image):
        key, deadline = key_of(image.SeriesInstanceUID)[:8], time.monotonic() + self._chaos.patience_s
        while ("sent", key) not in {(row["state"], row["series"]) for row in self._chaos.node.status()["series"]}:
            assert time.monotonic() < deadline, "the first part was never sent"
            time.sleep(0.5)

    def _insist(self, one):
        deadline = time.monotonic() + self._chaos.patience_s
        while (status := self._try(one)) != SUCCESS:
            assert status in (None, NO_ROOM), hex(status)
            assert time.monotonic() < deadline, f"an image was never taken: {status}"
            time.sleep(0.5)
        if one.SOPClassUID not in NO_CT:
            image = file_image(file_of(one))
            self._chaos.figures.acknowledged.add((image.name, image.sha256))
        time.sleep(self._random.uniform(0, self._chaos.pause_s))

    def _try(self, one):
        """The status; None when there was no association, or it broke."""
        if self._association is None or not self._association.is_established:
            entity = AE("SCANNER")
            entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
            for sop_class in ("1.2.840.10008.5.1.4.1.1.2", *NO_CT):
                entity.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
            self._association = entity.associate("127.0.0.1", self._chaos.node.port, ae_title="PDAC")
            if not self._association.is_established:
                return None
        try:
            status = self._association.send_c_store(one).get("Status")
        except (RuntimeError, ValueError):
            status = None
        self._chaos.figures.answers[status] += 1
        self._chaos.figures.broken += status is None
        return status


class Chaos:
    """Everything at once."""

    def __init__(self, folder, kills, seed=0):
        self.seed, self._kills, self.figures = seed, kills, Figures()
        self._random = random.Random(f"{seed} kills")
        self._refused_before = None  # refusals for want of room before this life, where its spool is full
        self.pause_s = 0.12 * kills / 30
        self.patience_s = PATIENCE_S + 10.0 * kills  # while the node is killed all the time, little goes on
        (folder / "node").mkdir(parents=True)
        port = free_port()
        self.orthanc = Orthanc(folder, port)
        self.node = NodeProcess(
            folder / "node",
            self.orthanc,
            stub_s=0.1,
            node={"port": port},
            completeness={"quiet_s": 1.0, "patience_s": 20},
            results={"retry_s": 0.5},
            pacs={"timeout_s": 5.0},
        )

    def run(self):
        """Do all of it; the figures. Raises AssertionError where something does not hold."""
        self.orthanc.start()
        for number in range(STUDIES):
            slices = study(number)
            for one in slices[: ALL - 5] if number in LATE else slices:
                self.orthanc.put_in(file_of(one))
        senders = [Sender(self, number) for number in range(SENDERS)]
        self.node.start()
        for sender in senders:
            sender.start()
        try:
            for number in range(self._kills):
                self._one_life(number)
            for sender in senders:
                sender.join(self.patience_s)
                assert not sender.is_alive()
                assert sender.failure is None, sender.failure
            self._wait_for_the_end()
            self.states = self.node.status()
            self.figures.stops += self.node.stop() == 0
            return self.figures
        finally:
            self.node.kill()

    def _one_life(self, number):
        """Between two kills. Some lives have a full spool, in some the PACS is away, one ends by SIGTERM."""
        time.sleep(self._random.uniform(0.2, 1.8))
        self._wait_until_refused()
        if number == self._kills // 2:
            self.figures.stops += self.node.stop() == 0
        self.node.kill()
        self.figures.kills += 1
        full = number in (self._kills // 3, self._kills // 3 + 1) and number < self._kills - 1
        self.node.plain["spool"]["max_gib"] = 1e-9 if full else 1.0
        self._refused_before = self.figures.answers[NO_ROOM] if full else None
        self.node.config.write_text(toml_of(self.node.plain))
        if number % max(1, self._kills // OUTAGES) == 1 and self.figures.outages < OUTAGES:
            self._outage()
        self.node.start()
        if number % 10 == 5:
            self._stranger()

    def _wait_until_refused(self):
        """A life with a full spool is not over before a sender has noticed."""
        deadline = time.monotonic() + REFUSAL_S
        while self._refused_before == self.figures.answers[NO_ROOM] and time.monotonic() < deadline:
            time.sleep(0.05)

    def _outage(self):
        """The PACS is away for some seconds, longer than a life of the node."""
        self.orthanc.stop()
        self.figures.outages += 1
        threading.Timer(OUTAGE_S, self.orthanc.start).start()

    def _stranger(self):
        for titles in (("STRANGER", "PDAC"), ("SCANNER", "WRONG")):
            entity = AE(titles[0])
            entity.add_requested_context("1.2.840.10008.5.1.4.1.1.2")
            association = entity.associate("127.0.0.1", self.node.port, ae_title=titles[1])
            self.figures.strangers += association.is_rejected

    def _wait_for_the_end(self):
        deadline = time.monotonic() + PATIENCE_S
        ended = ("sent", "refused", "failed")
        while any(row["state"] not in ended for row in self.node.status()["series"]):
            assert time.monotonic() < deadline, self.node.status()
            time.sleep(0.5)


def faults(chaos):
    """Everything that does not hold at the end, in words; empty when all does."""
    return [*_wrong_states(chaos), *_lost_images(chaos), *_wrong_objects(chaos), *leaks(chaos.node)]


def _wrong_states(chaos):
    keys = {key_of(study(number)[0].SeriesInstanceUID)[:8]: number for number in range(STUDIES)}
    rows = {keys.get(row["series"]): row for row in chaos.states["series"]}
    if len(chaos.states["series"]) != STUDIES or rows.keys() != set(range(STUDIES)):
        yield f"{len(rows)} series are known of {STUDIES}"
    for number, row in rows.items():
        if row["state"] != ("refused" if number in HALF else "sent"):
            yield f"series {number} is {row['state']}: {row['why']}"
        if row["images"] != (ALL // 2 if number in HALF else ALL):
            yield f"series {number} has {row['images']} images"


def _lost_images(chaos):
    found = {}
    for path in (chaos.node.spool / "images").rglob("*.dcm"):
        image = file_image(path.read_bytes())
        found[image.name] = image.sha256
    missing = [name for name, sha256 in chaos.figures.acknowledged if found.get(name) != sha256]
    if missing:
        yield f"{len(missing)} acknowledged images are not on the disk as they were sent"


def _wrong_objects(chaos):
    objects = chaos.orthanc.instances()
    by_study = {study(number)[0].StudyInstanceUID: number for number in range(STUDIES)}
    counts = Counter()
    for one in objects:
        number = by_study.get(one["StudyInstanceUID"])
        counts[number, one["Modality"]] += 1
        if one["PatientID"] != f"{MARKER}{number}":
            yield f"an object of study {number} names another patient"
    for number in range(STUDIES):
        results = 0 if number in HALF else 2 if number in LATE else 1
        for modality, expected in (("CT", ALL), ("SEG", results), ("SR", results)):
            if counts[number, modality] != expected:
                yield f"study {number}: {counts[number, modality]} {modality}, not {expected}"
    if sum(counts.values()) != sum(count for (number, _), count in counts.items() if number is not None):
        yield "there are objects of no study"
    for number in LATE:
        reports = [one for one in objects if one["Modality"] == "SR" and by_study[one["StudyInstanceUID"]] == number]
        named = [_predecessors(chaos.orthanc.file(one["ID"])) for one in reports]
        if sorted(map(len, named)) != [0, 1] or not set.union(*named) <= {one["SOPInstanceUID"] for one in reports}:
            yield f"study {number}: the later report does not name the earlier one"


def _predecessors(content):
    report = pydicom.dcmread(pydicom.filebase.DicomBytesIO(content))
    return {
        str(item.ReferencedSOPInstanceUID)
        for study_item in report.get("PredecessorDocumentsSequence", ())
        for series in study_item.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


def leaks(node):
    """Markers of patients, and identifiers, outside of the spool's files."""
    spool = node.spool
    outside = [path for path in spool.iterdir() if path.is_file()]
    texts = {path.name: path.read_bytes() for path in outside} | {"log": node.log().encode()}
    texts["names"] = "\n".join(str(path.relative_to(spool)) for path in spool.rglob("*")).encode()
    uid = str(generate_uid(entropy_srcs=["series 0"]))[:20].encode()
    for name, text in texts.items():
        for marker in (MARKER.encode(), MARKER.lower().encode(), BIRTH.encode(), uid):
            if marker in text:
                yield f"{name} holds {marker.decode()}"


def told(chaos):
    """The figures as plain data."""
    figures = chaos.figures
    return {
        "studies": STUDIES,
        "kills": figures.kills,
        "stops with code 0": figures.stops,
        "outages of the PACS": figures.outages,
        "images acknowledged": len(figures.acknowledged),
        "answers": {"none" if code is None else hex(code): count for code, count in figures.answers.items()},
        "strangers rejected": figures.strangers,
        "objects dropped": chaos.states["dropped_objects"],
        "states": chaos.states["states"],
        "objects in the PACS": dict(Counter(one["Modality"] for one in chaos.orthanc.instances())),
    }


def main(folder, kills=30, seed=0):
    """Run, judge, print."""
    began = time.monotonic()
    chaos = Chaos(Path(folder), int(kills), int(seed))
    try:
        chaos.run()
        found = faults(chaos)
        sys.stdout.write(
            json.dumps(told(chaos) | {"faults": found, "seconds": time.monotonic() - began}, indent=1) + "\n"
        )
    finally:
        chaos.orthanc.stop()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
