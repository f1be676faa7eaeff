"""The door of the node: associations from those that may, C-STORE of CT, success only for what is on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from PDACScreeningLib.errors import DataError, UsageError
from PDACScreeningLib.node.config import Listening
from PDACScreeningLib.node.pacs import Commitments
from PDACScreeningLib.node.received_image import CT_CLASSES, received_image
from PDACScreeningLib.node.sop_classes import STORAGE_COMMITMENT, VERIFICATION
from PDACScreeningLib.node.spool import Receipt, Spool
from PDACScreeningLib.node.tls import tls_context

SUCCESS, OUT_OF_RESOURCES, MISMATCH = 0x0000, 0xA700, 0xA900
_STATUS = {
    Receipt.STORED: SUCCESS,
    Receipt.KNOWN: SUCCESS,
    Receipt.CONFLICT: 0x0111,  # duplicate SOP instance
    Receipt.NO_ROOM: OUT_OF_RESOURCES,
}
_LAST_WORDS_S = 5.0  # for images under way when the node is to end


class Receiver:
    """A DICOM server in threads of its own, from `start` to `stop`."""

    def __init__(
        self, listening: Listening, spool: Spool, commitments: Commitments, tell: Callable[[str], None]
    ) -> None:
        """tell: takes a sentence for the log."""
        self._listening, self._spool, self._tell = listening, spool, tell
        self._tls = tls_context(listening.tls, server=True)
        self._entity = AE(ae_title=listening.ae_title)
        self._entity.require_called_aet = True
        self._entity.require_calling_aet = list(listening.callers)
        self._entity.maximum_associations = listening.max_associations
        self._entity.maximum_pdu_size = 0  # as large as the peer likes: fewer turns an image
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = listening.timeout_s
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        self._entity.add_supported_context(VERIFICATION)
        self._entity.add_supported_context(STORAGE_COMMITMENT, scu_role=True, scp_role=True)
        self._handlers: list[evt.EventHandlerType] = [
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_REJECTED, self._on_rejected),
            (evt.EVT_N_EVENT_REPORT, commitments.on_report),
        ]

    def start(self) -> None:
        """Listen. Raises UsageError when the address is taken."""
        address = (self._listening.host, self._listening.port)
        try:
            self._server = self._entity.start_server(
                address, block=False, ssl_context=self._tls, evt_handlers=self._handlers
            )
        except OSError as error:
            raise UsageError(f"node.host {address[0]}, node.port {address[1]}: {error.strerror}") from error

    def stop(self) -> None:
        """Take no new association, let images under way arrive, then end what still runs."""
        if self._server is not None:
            self._server.shutdown()
        deadline = time.monotonic() + _LAST_WORDS_S
        while self._entity.active_associations and time.monotonic() < deadline:
            time.sleep(0.1)
        self._entity.shutdown()

    def _on_store(self, event: evt.Event) -> int:
        """The status of one image. Whatever is no CT is taken and dropped: an error would end the push of a study."""
        request: Any = event.request
        sop_class, instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        if sop_class not in CT_CLASSES:
            self._spool.database.count_dropped()
            return SUCCESS
        try:
            data_set = event.encoded_dataset(include_meta=False)
            image = received_image(event.encoded_dataset(), data_set, sop_class, instance)
        except DataError as error:
            self._tell(f"an image was refused: {error}")
            return MISMATCH
        except ValueError:  # a context or data set that cannot be
            return MISMATCH
        receipt = self._spool.receive(image)
        if receipt in (Receipt.CONFLICT, Receipt.NO_ROOM):
            self._tell(f"series {image.series[:8]}: an image was not taken ({receipt.value})")
        return _STATUS[receipt]

    def _on_rejected(self, event: evt.Event) -> None:
        asked = event.assoc.requestor.primitive
        caller = "" if asked is None else f" from {asked.calling_ae_title!r} for {asked.called_ae_title!r}"
        self._tell(f"an association was rejected{caller}")
