"""`pdac-screening screen`: read, check, screen, write. The same command runs behind the button of Slicer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display
from PDACScreeningLib.commands.result_folder import RESULT_FILES, open_result_folder, require_result_folder
from PDACScreeningLib.commands.screen_run import ScanOrder, ScreenRun
from PDACScreeningLib.commands.warm_model import WarmModel
from PDACScreeningLib.config import DEFAULT_PROTOCOL, ProtocolName
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.screening_result import Outcome


@dataclass(frozen=True)
class ScreenRequest:
    """What the user asked for. One scan's result lies in `output` itself, those of several in a folder each below."""

    inputs: tuple[Path, ...]
    output: Path
    model: str | None = None  # name or folder; None = the only installed model that is not a demo
    device: str = "auto"
    memory_gib: float | None = None
    protocol: ProtocolName = DEFAULT_PROTOCOL
    series: str | None = None  # of a DICOM folder: its number or UID
    include_identifiers: bool = False
    debug: bool = False  # let an unexpected error through with its traceback

    @property
    def folders(self) -> list[Path]:
        """Where each result goes. Numbered, because the name of a scan may be the name of a patient."""
        if len(self.inputs) == 1:
            return [self.output]
        return [self.output / f"scan-{number:03}" for number in range(1, len(self.inputs) + 1)]


def run_screen(request: ScreenRequest, display: Display, interruption: Interruption) -> int:
    """Screen the scans one after the other with a model that is loaded once, and leave a result folder for each.

    A scan that fails does not stop the next one; a cancelled one does. Returns the highest exit code of all.
    Raises UsageError when nothing was started: no input, no model, no folder to write into.
    """
    _require_inputs(request)
    model = WarmModel(request.model, request.device, request.memory_gib)
    for place in request.folders:
        require_result_folder(place)
    outcomes: list[Outcome] = []
    for scan, place in zip(request.inputs, request.folders, strict=True):
        if len(request.inputs) > 1:
            display.notice(f"Scan {len(outcomes) + 1} of {len(request.inputs)}: {scan.name}, into {place}")
        folder = open_result_folder(place)
        order = ScanOrder(
            scan, folder, request.protocol, request.series, request.include_identifiers, debug=request.debug
        )
        outcomes.append(ScreenRun(order, model, display, interruption).finish().outcome)
        if outcomes[-1] == Outcome.CANCELLED:
            break
    exit_code = max(outcome.exit_code for outcome in outcomes)
    if len(request.inputs) > 1:
        display.result(
            _summary(request, outcomes),
            {"scans": len(request.inputs), "outcomes": [outcome.value for outcome in outcomes], "exit_code": exit_code},
        )
    return exit_code


def _require_inputs(request: ScreenRequest) -> None:
    """Raise UsageError when an input is not there, or would be overwritten by a result."""
    for scan, output in zip(request.inputs, request.folders, strict=True):
        if not scan.exists():
            raise UsageError(f"INPUT {scan} does not exist; name a scan or a folder of DICOM slices")
        if scan.resolve() in [output.resolve(), *(output.resolve() / name for name in RESULT_FILES)]:
            raise UsageError(f"INPUT {scan} lies where --output writes; name another folder")


def _summary(request: ScreenRequest, outcomes: list[Outcome]) -> str:
    """One line a scan, and how many ended in which way."""
    rows = zip(request.folders, outcomes, request.inputs, strict=False)
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in Counter(outcomes).items())
    missing = len(request.inputs) - len(outcomes)
    ending = f"; {missing} not begun" if missing else ""
    lines = [f"{folder.name}  {outcome.value:<14}  {scan.name}" for folder, outcome, scan in rows]
    return "\n".join([*lines, f"{len(request.inputs)} scans: {counts}{ending}."])
