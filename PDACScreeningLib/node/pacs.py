"""The PACS as a peer: how many images it holds of a series (C-FIND), results to it (C-STORE), and its word for them."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt
from pynetdicom.association import Association

from PDACScreeningLib.node.config import NodeConfig
from PDACScreeningLib.node.sop_classes import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, STUDY_ROOT_FIND
from PDACScreeningLib.node.spool import Spool
from PDACScreeningLib.node.tls import tls_context

SUCCESS, KNOWN_ALREADY = 0x0000, 0x0111
_PENDING = (0xFF00, 0xFF01)
_COMMIT = 1  # action type: request storage commitment
_ALL_KEPT = 1  # event type: storage commitment request successful

NO_ANSWER = "the PACS does not answer"

# Their messages quote data sets.
for _library in ("pynetdicom", "pydicom"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False


class Commitments:
    """Results that the PACS was asked to keep for good, by transaction, until it answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[threading.Event, list[bool]]] = {}

    def open(self, transaction: str) -> None:
        """Wait for the answer of a transaction from now on."""
        with self._lock:
            self._waiting[transaction] = (threading.Event(), [])

    def on_report(self, event: evt.Event) -> tuple[int, None]:
        """N-EVENT-REPORT of the PACS, over its own association or over ours."""
        try:
            transaction = str(event.event_information.TransactionUID)
        except Exception:  # the peer may have sent anything
            return 0x0110, None
        with self._lock:
            waiting = self._waiting.get(transaction)
        if waiting is not None:
            waiting[1].append(event.event_type == _ALL_KEPT)
            waiting[0].set()
        return SUCCESS, None

    def outcome(self, transaction: str, timeout_s: float) -> bool | None:
        """Whether everything is kept; None when no answer came in time."""
        waiting = self._waiting[transaction]
        waiting[0].wait(timeout_s)
        with self._lock:
            del self._waiting[transaction]
        return waiting[1][0] if waiting[1] else None


class PacsPeer:
    """One association a call; any obstacle is a sentence, never an error."""

    def __init__(self, config: NodeConfig, spool: Spool, commitments: Commitments) -> None:
        """Raises UsageError when the files of pacs.tls cannot be used."""
        self._config, self._spool, self._commitments = config, spool, commitments
        self._tls: ssl.SSLContext | None = tls_context(config.pacs.tls, server=False)

    def images_held(self, key: str) -> int | None:
        """How many images the PACS holds of a series; None when it does not say."""
        identifiers = self._identifiers(key)
        if identifiers is None:
            return 0
        study, series = identifiers
        wanted = Dataset()
        wanted.QueryRetrieveLevel, wanted.StudyInstanceUID, wanted.SeriesInstanceUID = "SERIES", study, series
        wanted.NumberOfSeriesRelatedInstances = None
        model = STUDY_ROOT_FIND
        with self._associated([(model, None)]) as association:
            if association is None:
                return None
            held, ended_well = 0, False
            for status, answer in association.send_c_find(wanted, model):
                code = status.get("Status", -1)
                ended_well = code == SUCCESS
                if code in _PENDING and answer is not None:
                    if str(answer.get("SeriesInstanceUID") or "") != series:
                        continue
                    number = answer.get("NumberOfSeriesRelatedInstances")
                    held += int(number) if number is not None else self._count_one_by_one(study, series) or 0
            return held if ended_well else None

    def _count_one_by_one(self, study: str, series: str) -> int | None:
        """For a PACS that does not count: as many as it lists."""
        wanted = Dataset()
        wanted.QueryRetrieveLevel, wanted.StudyInstanceUID, wanted.SeriesInstanceUID = "IMAGE", study, series
        wanted.SOPInstanceUID = ""
        model = STUDY_ROOT_FIND
        with self._associated([(model, None)]) as association:
            if association is None:
                return None
            statuses = [status.get("Status", -1) for status, _ in association.send_c_find(wanted, model)]
            return sum(code in _PENDING for code in statuses)

    def _identifiers(self, key: str) -> tuple[str, str] | None:
        """Study and series as the PACS knows them, read from an image of the spool: the database has none."""
        for path in sorted(self._spool.series_folder(key).glob("*.dcm")):
            try:
                head: Any = pydicom.dcmread(
                    path, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SeriesInstanceUID"]
                )
                return str(head.get("StudyInstanceUID") or ""), str(head.get("SeriesInstanceUID") or "")
            except Exception:  # damaged bytes can make the parser raise anything
                continue
        return None

    def send(self, paths: Sequence[Path]) -> str:
        """Store objects in the PACS, in this order. Empty when it has them all, else why not."""
        try:
            objects: list[Any] = [pydicom.dcmread(path) for path in paths]
        except Exception as error:  # the disk may have lost them
            return f"a result cannot be read ({type(error).__name__})"
        contexts = [(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in objects]
        if self._config.pacs.commitment:
            contexts.append((STORAGE_COMMITMENT, None))
        with self._associated(contexts) as association:
            if association is None:
                return NO_ANSWER
            for path, one in zip(paths, objects, strict=True):
                obstacle = _store(association, one)
                if obstacle:
                    return f"{path.name}: {obstacle}"
            return self._commit(association, objects) if self._config.pacs.commitment else ""

    def _commit(self, association: Association, objects: Sequence[Any]) -> str:
        request = Dataset()
        request.TransactionUID = generate_uid()
        request.ReferencedSOPSequence = [_reference(one) for one in objects]
        self._commitments.open(request.TransactionUID)
        try:
            status, _ = association.send_n_action(request, _COMMIT, STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE)
            refused = status.get("Status", -1) != SUCCESS
        except (ValueError, RuntimeError):
            refused = True
        kept = self._commitments.outcome(request.TransactionUID, 0.0 if refused else self._config.pacs.timeout_s)
        if refused:
            return "the PACS does not take requests for storage commitment"
        return "" if kept else "the PACS did not commit itself to keep the results"

    @contextmanager
    def _associated(self, contexts: Sequence[tuple[str, str | None]]) -> Iterator[Association | None]:
        """An association with the PACS; None when there is none."""
        pacs = self._config.pacs
        entity = AE(ae_title=self._config.node.ae_title)
        entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = pacs.timeout_s
        for sop_class, syntax in dict.fromkeys(contexts):
            if syntax is None:
                entity.add_requested_context(sop_class)
            else:
                entity.add_requested_context(sop_class, syntax)
        association = entity.associate(
            pacs.host,
            pacs.port,
            ae_title=pacs.ae_title,
            tls_args=(self._tls, pacs.host) if self._tls is not None else None,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self._commitments.on_report)],
        )
        try:
            yield association if association.is_established else None
        finally:
            if association.is_established:
                association.release()


def _store(association: Association, one: Any) -> str:
    """Send one object; empty when the PACS has it."""
    try:
        status = association.send_c_store(one)
    except (ValueError, RuntimeError):  # no accepted presentation context, or no association any more
        return "the PACS takes no object of this kind" if association.is_established else NO_ANSWER
    code = status.get("Status")
    if code is None:
        return "the connection was lost"
    is_warning = 0xB000 <= code <= 0xBFFF
    return "" if code in (SUCCESS, KNOWN_ALREADY) or is_warning else f"the PACS answered {code:#06x}"


def _reference(one: Any) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
    return item
