"""The second door: CT series fetched from a DICOMweb server (QIDO-RS, WADO-RS) instead of being sent to us."""

from __future__ import annotations

import datetime
import io
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session, create_session_from_user_pass

from PDACScreeningLib.errors import DataError, UsageError
from PDACScreeningLib.node.config import DicomWeb
from PDACScreeningLib.node.received_image import file_image, key_of
from PDACScreeningLib.node.spool import Receipt, Spool

_AS_STORED = (("application/dicom", "*"),)  # without it servers try to decompress, and some cannot
_STUDY, _SERIES, _MODALITY, _COUNT = "0020000D", "0020000E", "00080060", "00201209"


class DicomWebDoor:
    """Looks for CT series of the last days and puts those into the spool that are not there yet."""

    def __init__(
        self, web: DicomWeb, spool: Spool, tell: Callable[[str], None], today: Callable[[], datetime.date] | None = None
    ) -> None:
        """Raises UsageError when the password cannot be read."""
        self._web, self._spool, self._tell = web, spool, tell
        self._today = today or (lambda: datetime.datetime.now().astimezone().date())
        self._client = DICOMwebClient(url=web.url, session=_session(web))
        self._client.set_http_retry_params(retry=False)  # it would try for half a minute, also while the node is to end
        self._fetched: dict[str, int] = {}  # images that the server had of a series when it was fetched
        self._due = 0.0

    def step(self) -> bool:
        """Look once in `poll_s`. An obstacle becomes a line of the log; whether a series was fetched.

        Raises sqlite3.Error when what the spool holds cannot be looked up.
        """
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + self._web.poll_s
        try:
            found = list(self._new_series())
        except sqlite3.Error:
            raise
        except Exception as error:  # what a server answers can make its reader raise anything
            self._tell(f"the DICOMweb server could not be asked ({type(error).__name__})")
            return False
        return any([self._fetch(*one) for one in found])

    def _new_series(self) -> Iterator[tuple[str, str, int]]:
        """CT series that hold another number of images than are in the spool."""
        last = self._today()
        first = last - datetime.timedelta(days=self._web.days - 1)
        span = f"{first:%Y%m%d}-{last:%Y%m%d}"
        for study in self._client.search_for_studies(search_filters={"StudyDate": span, "ModalitiesInStudy": "CT"}):
            study_uid = str(_value(study, _STUDY))
            for series in self._client.search_for_series(study_uid, fields=["NumberOfSeriesRelatedInstances"]):
                uid, count = str(_value(series, _SERIES)), int(_value(series, _COUNT) or 0)
                if _value(series, _MODALITY) == "CT" and self._is_new(uid, count):
                    yield study_uid, uid, count

    def _is_new(self, uid: str, count: int) -> bool:
        known = self._spool.database.series(key_of(uid))
        return self._fetched.get(key_of(uid)) != count and (known is None or known.images < count)

    def _fetch(self, study: str, series: str, count: int) -> bool:
        """Put a series into the spool. One that cannot be fetched holds up no other, and is tried again."""
        try:
            for content in self._images(study, series):
                image = file_image(content)
                if image is not None and self._spool.receive(image) is Receipt.NO_ROOM:
                    self._tell(f"series {key_of(series)[:8]}: an image was not taken ({Receipt.NO_ROOM.value})")
                    return False
        except DataError as error:
            self._tell(f"series {key_of(series)[:8]} could not be fetched ({error})")
            return False
        self._fetched[key_of(series)] = count
        return True

    def _images(self, study: str, series: str) -> Iterator[bytes]:
        """The images of a series as files. Raises DataError."""
        try:
            for data_set in self._client.iter_series(study, series, media_types=_AS_STORED):
                stream = io.BytesIO()
                data_set.save_as(stream, enforce_file_format=True)
                yield stream.getvalue()
        except Exception as error:  # damaged bytes can make the parser raise anything
            raise DataError(type(error).__name__) from error


def _session(web: DicomWeb) -> Any:
    if web.user is None or web.password_file is None:
        return create_session()
    try:
        password = Path(web.password_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"dicomweb.password_file {web.password_file} cannot be read") from error
    return create_session_from_user_pass(web.user, password)


def _value(answer: dict[str, Any], tag: str) -> Any:
    values = answer.get(tag, {}).get("Value") or [None]
    return values[0]
