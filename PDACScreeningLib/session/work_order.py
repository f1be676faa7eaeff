"""An order to a worker as plain data: the values that every way to screen a scan is made of, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

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


def work_order(scan: str, folder: str, choices: Mapping[str, Any]) -> WorkOrder:
    """The order for a scan in a file. choices: values by the names of the fields of ModelRequest and ScanRequest.

    What is not chosen keeps its default. A control of a panel is so named once where it is shown, and once in the
    request. Raises TypeError for a name that no request has.
    """
    names = {field.name for field in fields(ModelRequest)}
    of_model = {name: value for name, value in choices.items() if name in names}
    of_scan = {name: value for name, value in choices.items() if name not in names}
    return WorkOrder(ModelRequest(**of_model), FileRequest(scan, **of_scan), folder)
