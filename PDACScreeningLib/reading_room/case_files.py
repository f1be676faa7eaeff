"""What of a case's files is handed to the browser as it is: pieces of the scan, the key image, the AI's report."""

from __future__ import annotations

import io
from http import HTTPStatus

from PDACScreeningLib.digests import bytes_sha256
from PDACScreeningLib.errors import ResultError
from PDACScreeningLib.reading_room.case_list import ListedCase
from PDACScreeningLib.reading_room.exchange import Response, not_here
from PDACScreeningLib.report.page import policy
from PDACScreeningLib.report.served_scan import Layer, ServedScan
from PDACScreeningLib.report.stored_pictures import first_picture
from PDACScreeningLib.report.viewer_section import viewer_script
from PDACScreeningLib.session.result_folder import REPORT

_PICTURE_PX = 144
_ALONE = "; sandbox allow-scripts; frame-ancestors 'none'"  # what the page does cannot reach this server


def voxels_of(scan: ServedScan, layer: str, number: str) -> Response:
    """A piece of a scan."""
    pieces = {piece["address"].rpartition(f"/{layer}/")[2] for piece in scan.facts["pieces"]}
    if layer not in list(Layer) or number not in pieces or not number.isdecimal():
        return not_here()
    return Response(HTTPStatus.OK, scan.piece(Layer(layer), int(number)), "application/octet-stream")


def picture_of(case: ListedCase) -> Response:
    """The first key image of the report, small."""
    picture = first_picture(_report(case).decode("utf-8", "replace"))
    if picture is None:
        return not_here()
    picture.thumbnail((_PICTURE_PX, _PICTURE_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return Response(HTTPStatus.OK, buffer.getvalue(), "image/png")


def report_of(case: ListedCase) -> Response:
    """The report as it was written; it may run the script of this version and reach nothing."""
    rules = policy(viewer_script()) + _ALONE
    return Response(HTTPStatus.OK, _report(case), "text/html; charset=utf-8", rules)


def _report(case: ListedCase) -> bytes:
    """Raises ResultError when there is none, or it is not the one that was written with the result."""
    if case.folder is None or case.screening is None:
        raise ResultError("the scan has no result")
    try:
        content = (case.folder / REPORT).read_bytes()
    except OSError as error:
        raise ResultError(f"{REPORT} of the result cannot be read") from error
    if bytes_sha256(content) != case.screening.files_sha256.get(REPORT):
        raise ResultError(f"{REPORT} is not the file that the result was written with; it is not shown")
    return content
