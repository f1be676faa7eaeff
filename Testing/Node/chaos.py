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

from chaos_faults import faults, told  # noqa: E402
from chaos_studies import ALL, HALF, IN_TURNS, LATE, NO_CT, STUDIES, TWICE, beside, study  # noqa: E402
from node_parts import file_of  # noqa: E402
from node_process import NodeProcess, free_port, toml_of  # noqa: E402
from orthanc import Orthanc  # noqa: E402
from pynetdicom import AE  # noqa: E402

from PDACScreeningLib.node.received_image import file_image, key_of  # noqa: E402

SENDERS, OUTAGES = 5, 3
OUTAGE_S, REFUSAL_S, PATIENCE_S = 4.0, 20.0, 150.0
SUCCESS, NO_ROOM = 0x0000, 0xA700


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
