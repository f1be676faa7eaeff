"""Arguments of `pdac-screening screen`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from PDACScreeningLib.commands.arguments import add_command, add_device, add_memory, add_progress, add_protocol
from PDACScreeningLib.commands.interruption import Interruption
from PDACScreeningLib.commands.progress_display import Display


def add_screen_parser(commands: Any) -> None:
    """`screen`: CT scans in, a result folder for each out."""
    parser = add_command(
        commands,
        "screen",
        _run,
        summary="screen CT scans",
        description="Segments pancreas and tumor on an abdominal CT and says whether a suspicious region was found.\n"
        "DIR receives screening.json, report.html and, when there is a result, labels.seg.nrrd and\n"
        "tumor_probability.nrrd, both on the scan's own grid. Several scans share one loaded model; each has a\n"
        "folder DIR/scan-001, DIR/scan-002, ... in their order, one that fails does not stop the others, and the\n"
        "exit code is the highest of all.",
        examples=(
            "pdac-screening screen scan.nii.gz --output result --model demo-phantom",
            "pdac-screening screen dicom-folder --series 3 --output result --device cuda",
            "pdac-screening screen scan.nrrd --output result --progress json",
            "pdac-screening screen a.nii.gz b.nii.gz c.nii.gz --output results --protocol fast",
        ),
    )
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        type=Path,
        nargs="+",
        help="NIfTI, NRRD or MHA file, or a folder of DICOM slices; several are screened one after the other",
    )
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="folder for the result; made if absent"
    )
    parser.add_argument("--model", metavar="NAME|DIR", help="model to use; see 'pdac-screening models'")
    add_protocol(parser)
    add_device(parser)
    add_memory(parser)
    add_progress(parser)
    parser.add_argument("--series", metavar="N|UID", help="which series of a DICOM folder that holds several")
    parser.add_argument(
        "--include-identifiers", action="store_true", help="put patient and study identifiers into the outputs"
    )


def _run(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    from PDACScreeningLib.commands.screen import ScreenRequest, run_screen

    request = ScreenRequest(
        inputs=tuple(arguments.inputs),
        output=arguments.output,
        model=arguments.model,
        device=arguments.device,
        memory_gib=arguments.memory_gib,
        protocol=arguments.protocol,
        series=arguments.series,
        include_identifiers=arguments.include_identifiers,
        debug=arguments.debug,
    )
    return run_screen(request, display, interruption)
