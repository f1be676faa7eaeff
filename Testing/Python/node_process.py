"""A node as a process of its own, a PACS beside it, and a scanner that sends to it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from node_parts import plain_config
from pydicom.dataset import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
)

from PDACScreeningLib.node.config import SpoolSpace
from PDACScreeningLib.node.status import read_status
from PDACScreeningLib.plain_data import to_plain

HERE = Path(__file__).resolve().parent
PATIENCE_S = 120.0
LOST_ANSWER_S = 10.0


def free_port():
    """A port that nobody had a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def toml_of(plain):
    """TOML of tables of plain values."""

    def value(item):
        if isinstance(item, dict):
            return "{" + ", ".join(f"{key} = {value(one)}" for key, one in item.items()) + "}"
        return json.dumps(item)

    lines = []
    for table, keys in plain.items():
        lines += [f"[{table}]", *(f"{key} = {value(item)}" for key, item in keys.items())]
    return "\n".join(lines)


def stub_python(folder, seconds):
    """A program that is started in place of Python and screens in so many seconds without networks."""
    path = folder / "stub-python"
    path.write_text(f"#!/bin/sh\nexec {sys.executable} {HERE / 'stub_worker.py'} {seconds}\n")
    path.chmod(0o755)
    return path


def tls_context(tls, *, server):
    """Of files that a test made: (folder, name of the certificate); without one of its own when that is None."""
    if tls is None:
        return None
    folder, name = tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if name is not None:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Peer:
    """A PACS in this process: it counts as it is told, keeps what it gets, and commits itself or not."""

    def __init__(self, *, tls=None, commits=None):
        self.held, self.stored, self.port = 0, [], free_port()
        self._tls, self._commits, self._lock = tls, commits, threading.Lock()

    def __enter__(self):
        entity = AE("ORTHANC")
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        if self._commits is not None:
            entity.add_supported_context(StorageCommitmentPushModel)
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_N_ACTION, self._action),
        ]
        context = tls_context(self._tls, server=True)
        entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers, ssl_context=context)
        self._entity = entity
        return self

    def __exit__(self, *_error):
        self._entity.shutdown()

    def _store(self, event):
        with self._lock:
            self.stored.append(event.dataset)
        return 0x0000

    def _find(self, event):
        answer = Dataset()
        answer.QueryRetrieveLevel = "SERIES"
        answer.StudyInstanceUID = event.identifier.StudyInstanceUID
        answer.SeriesInstanceUID = event.identifier.SeriesInstanceUID
        answer.NumberOfSeriesRelatedInstances = self.held
        yield 0xFF00, answer

    def _action(self, event):
        wanted = event.action_information
        report = Dataset()
        report.TransactionUID = wanted.TransactionUID
        kept = bool(self._commits)
        report["ReferencedSOPSequence"] = wanted["ReferencedSOPSequence"]
        threading.Thread(target=self._report, args=(event.assoc, report, 1 if kept else 2), daemon=True).start()
        return 0x0000, None

    def _report(self, association, report, kind):
        time.sleep(0.3)
        association.send_n_event_report(report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)


class NodeProcess:
    """`pdac-screening listen` with a stub in place of the networks."""

    def __init__(self, folder, peer, *, stub_s=0.0, **tables):
        defaults = {
            "node": {"port": free_port(), "callers": ["SCANNER", "ORTHANC"]},
            "pacs": {"port": peer.port},
            "completeness": {"quiet_s": 1.0, "patience_s": 60},
            "results": {"retry_s": 0.5},
            "screening": {"python": str(stub_python(folder, stub_s))},
        }
        merged = {name: {**defaults.get(name, {}), **tables.get(name, {})} for name in {**defaults, **tables}}
        self.plain = plain = plain_config(folder, **merged)
        self.config = folder / "node.toml"
        self.config.write_text(toml_of(plain))
        self.port, self.spool, self._log = plain["node"]["port"], Path(plain["spool"]["folder"]), folder / "node.log"
        self.process, self.patience_s = None, PATIENCE_S

    def _start(self, *options, **streams):
        command = [sys.executable, "-m", "PDACScreeningLib", "listen", str(self.config), *options]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        return subprocess.Popen(command, env=environment, text=True, **streams)

    def start(self, *options):
        """Start it and wait until it listens."""
        seen = len(self.log())
        with self._log.open("a") as log:
            self.process = self._start(*options, stdout=log, stderr=log)
        self.wait_until(lambda: "listening" in self.log()[seen:])

    def run_to_its_end(self):
        """Exit code of a node that ends by itself."""
        with self._log.open("a") as log:
            self.process = self._start(stdout=log, stderr=log)
        return self.process.wait(PATIENCE_S)

    def kill(self):
        """With signal 9."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """With SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def log(self):
        return self._log.read_text() if self._log.exists() else ""

    def command(self, *options):
        """Another command with the same file, to its end."""
        process = self._start(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def status(self):
        """What `--status --json` tells."""
        return to_plain(read_status(SpoolSpace(str(self.spool))))

    def wait_until(self, holds):
        deadline = time.monotonic() + self.patience_s
        while not holds():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def wait_for(self, **states):
        """Until that many series are in these states."""
        self.wait_until(lambda: states.items() <= self.status()["states"].items())


def send(node, datasets, *, titles=("SCANNER", "PDAC"), tls=None):
    """Statuses of the images; None when no association came about.

    An image without an answer is sent again, as scanners do. pynetdicom's requestor loses one now and then: its reactor
    thread may take the answer out of the queue before `send_c_store` does ("Received unexpected C-STORE service
    message"), because `_is_paused` is still true for a moment after the reactor has gone on.
    """
    entity = AE(titles[0])
    entity.dimse_timeout = LOST_ANSWER_S
    for one in datasets:
        entity.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
    context = tls_context(tls, server=False)
    statuses, association = [], None
    for one in datasets:
        answer = Dataset()
        while "Status" not in answer:
            if association is None or not association.is_established:
                tls_args = (context, "localhost") if context else None
                association = entity.associate("127.0.0.1", node.port, ae_title=titles[1], tls_args=tls_args)
                if not association.is_established:
                    return None
            answer = association.send_c_store(one)
        statuses.append(answer.Status)
    association.release()
    return statuses
