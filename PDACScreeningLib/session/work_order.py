"""An order to a worker as plain data: the values that every way to screen a scan is made of, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from PDACScreeningLib.session.model import ModelRequest
from PDACScreeningLib.session.screener import ScanRequest


@dataclass(frozen=True)
class FileRequest(ScanRequest):
    """A ScanRequest whose scan lies in a file or a folder of DICOM slices: voxels do not travel in an order."""

    scan: str


@dataclass(frozen=True)
class WorkOrder:
    """Which scan, with which model, and where the result goes. `plain_data.to_plain` makes one line of JSON of it."""

    model: ModelRequest
    request: FileRequest
    folder: str  # of the result; made if absent
