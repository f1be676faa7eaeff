"""`pdac-screening screen`: CT scans in, a result folder for each out."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.dicom.options import DEFAULT_KIND, SEGMENTATION_KINDS
from PDACScreeningLib.errors import FolderInUse, UsageError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.terminal.arguments import (
    add_device,
    add_ensemble,
    add_memory,
    add_precision,
    add_progress,
    add_protocol,
    add_scan_choice,
    describe,
    from_arguments,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.interruption import Interruption

if TYPE_CHECKING:
    from PDACScreeningLib.session.screener import Screener


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `screen`. Those named like a field of ModelRequest or ScanRequest are handed to it."""
    describe(
        parser,
        run_screen,
        description="Segments pancreas and tumor on an abdominal CT and says whether a suspicious region was found.\n"
        "DIR receives screening.json, report.html and, when there is a result, labels.seg.nrrd,\n"
        "tumor_probability.nrrd and network_labels.nrrd, on the scan's own grid. Several scans share one\n"
        "loaded model; each has a folder DIR/scan-001, DIR/scan-002, ... in their order, one that fails does\n"
        "not stop the others, and the exit code is the highest of all.",
        examples=(
            "pdac-screening screen scan.nii.gz --output result --model demo-phantom",
            "pdac-screening screen dicom-folder --series 3 --output result --device cuda",
            "pdac-screening screen dicom-folder --output result --dicom-out",
            "pdac-screening screen scan.nrrd --output result --progress json",
            "pdac-screening screen a.nii.gz b.nii.gz c.nii.gz --output results --protocol fast",
        ),
    )
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        type=Path,
        nargs="+",
        help="NIfTI, NRRD or MHA file, or DICOM: a folder of slices, a multi-frame file, a DICOMDIR or a ZIP of them; "
        "several are screened one after the other",
    )
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="folder for the result; made if absent"
    )
    parser.add_argument("--model", metavar="NAME|DIR", help="model to use; see 'pdac-screening models'")
    add_protocol(parser)
    add_device(parser)
    add_memory(parser)
    add_precision(parser)
    add_ensemble(parser)
    add_progress(parser)
    add_scan_choice(parser)
    _add_dicom(parser)


def _add_dicom(parser: argparse.ArgumentParser) -> None:
    """The options for results as DICOM objects."""
    group = parser.add_argument_group(
        "DICOM results", "need the package highdicom: pip install 'pdac-screening[dicom]'"
    )
    group.add_argument(
        "--dicom-out",
        action="store_true",
        help="write segmentation, report and key images as DICOM objects of the scan's study",
    )
    group.add_argument(
        "--dicom-source",
        metavar="FOLDER",
        help="DICOM series that a NIfTI, NRRD or MHA input was made from; implies --dicom-out",
    )
    group.add_argument(
        "--dicom-segmentation",
        choices=SEGMENTATION_KINDS,
        default=DEFAULT_KIND,
        help=f"how segments are stored (default: {DEFAULT_KIND}, which viewers of any age read)",
    )
    group.add_argument(
        "--dicom-probability", action="store_true", help="also the networks' output, as a fractional map"
    )
    group.add_argument(
        "--dicom-key-objects", action="store_true", help="also a list of the slices through the findings"
    )


@dataclass(frozen=True)
class _Scan:
    """One of the scans to screen, and where its result goes."""

    input: Path
    folder: Path


def run_screen(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Screen the scans one after the other with a model that is loaded once, and leave a result folder for each.

    A scan that fails does not stop the next one; a cancelled one does. Returns the highest exit code of all.
    Raises UsageError when nothing was started: no input, no model, no folder to write into, or one that is in use.
    """
    from PDACScreeningLib.session.model import ModelRequest
    from PDACScreeningLib.session.result_folder import require_result_folder
    from PDACScreeningLib.session.screener import Screener

    scans = _scans(arguments.inputs, arguments.output)
    _require_inputs(scans)
    if arguments.dicom_source is not None and not Path(arguments.dicom_source).exists():
        raise UsageError(f"--dicom-source {arguments.dicom_source} does not exist; name a folder of DICOM slices")
    screener = Screener.of(from_arguments(ModelRequest, arguments, folds=tuple(arguments.folds)))
    for scan in scans:
        require_result_folder(scan.folder)
    with ExitStack() as held:
        _take_folders(scans, arguments.output, held, display, interruption)
        outcomes = _screened(scans, arguments, screener, display, interruption)
    exit_code = max(outcome.exit_code for outcome in outcomes)
    if len(scans) > 1:
        facts = {"scans": len(scans), "outcomes": [outcome.value for outcome in outcomes], "exit_code": exit_code}
        display.result(_summary(scans, outcomes), facts)
    return exit_code


def _take_folders(
    scans: Sequence[_Scan], output: Path, held: ExitStack, display: Display, interruption: Interruption
) -> None:
    """Hold every folder to the end of the run, and move earlier results aside: none may pass for one of this run.

    That of an earlier run with more scans, or with one, counts too. Raises UsageError when a folder is in use.
    """
    from PDACScreeningLib.session.result_place import place_of_new_run

    several = [] if len(scans) == 1 else [output, *sorted(output.glob("scan-[0-9][0-9][0-9]"))]
    for folder in dict.fromkeys([*several, *(scan.folder for scan in scans)]):
        try:
            held.enter_context(place_of_new_run(folder, interruption.shielded, display.notice))
        except FolderInUse as error:
            raise UsageError(str(error)) from error


def _screened(
    scans: Sequence[_Scan],
    arguments: argparse.Namespace,
    screener: Screener,
    display: Display,
    interruption: Interruption,
) -> list[Outcome]:
    """How each scan ended, up to one that was cancelled."""
    from PDACScreeningLib.session.scan_run import ScanOrder, ScanRun
    from PDACScreeningLib.session.screener import ScanRequest

    outcomes: list[Outcome] = []
    for number, scan in enumerate(scans, start=1):
        if len(scans) > 1:
            display.notice(f"Scan {number} of {len(scans)}: {scan.input.name}, into {scan.folder}")
        label = arguments.label if len(scans) == 1 else f"{arguments.label} {scan.folder.name}".strip()
        request = from_arguments(ScanRequest, arguments, scan=str(scan.input), label=label)
        order = ScanOrder(request, scan.folder, debug=arguments.debug)
        outcomes.append(ScanRun(order, screener, display, interruption).finish().outcome)
        if outcomes[-1] == Outcome.CANCELLED:
            break
    return outcomes


def _scans(inputs: Sequence[Path], output: Path) -> list[_Scan]:
    """One scan's result lies in `output` itself, those of several in numbered folders: a name may be a patient's."""
    if len(inputs) == 1:
        return [_Scan(inputs[0], output)]
    return [_Scan(scan, output / f"scan-{number:03}") for number, scan in enumerate(inputs, start=1)]


def _require_inputs(scans: Sequence[_Scan]) -> None:
    """Raise UsageError when an input is not there, or would be overwritten by a result."""
    from PDACScreeningLib.session.result_folder import KNOWN_FILES

    for scan in scans:
        if not scan.input.exists():
            raise UsageError(f"INPUT {scan.input} does not exist; name a scan or a folder of DICOM slices")
        output = scan.folder.resolve()
        if scan.input.resolve() in [output, *(output / name for name in KNOWN_FILES)]:
            raise UsageError(f"INPUT {scan.input} lies where --output writes; name another folder")


def _summary(scans: Sequence[_Scan], outcomes: Sequence[Outcome]) -> str:
    """One line a scan, and how many ended in which way."""
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in Counter(outcomes).items())
    missing = len(scans) - len(outcomes)
    ending = f"; {missing} not begun" if missing else ""
    rows = zip(scans, outcomes, strict=False)
    lines = [f"{scan.folder.name}  {outcome.value:<14}  {scan.input.name}" for scan, outcome in rows]
    return "\n".join([*lines, f"{len(scans)} scans: {counts}{ending}."])
