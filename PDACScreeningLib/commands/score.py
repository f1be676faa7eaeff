"""`pdac-screening score`: a scan and a segmentation of another program in, the result folder of `screen` out."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib.errors import FolderInUse, UsageError
from PDACScreeningLib.session.structure_key import StructureKey, structure_key
from PDACScreeningLib.terminal.arguments import (
    add_progress,
    add_scan_choice,
    add_working_spacing,
    describe,
    from_arguments,
    positive,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.interruption import Interruption

if TYPE_CHECKING:
    from PDACScreeningLib.config import ScreeningConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `score`. Those named like a field of GivenFile or ScanRequest are handed to it."""
    describe(
        parser,
        run_score,
        description="Applies component rule, K and findings to a segmentation that another program or a radiologist\n"
        "made, and leaves the result folder that `screen` leaves. No network runs. The segmentation must have the\n"
        "voxels of the scan (their order of axes may differ); nothing is resampled onto the scan. Without a\n"
        "probability map there is no score, and the call rests on the count of voxels. K counts voxels of the working\n"
        "grid: K = 50 is 50 mm3 at 1 mm and 781 mm3 at 2.5 mm, and the result says which.",
        examples=(
            "pdac-screening score ct.nii.gz --segmentation labels.nii.gz --labels tumor=2 pancreas=1,3 --output result",
            "pdac-screening score ct.nrrd --segmentation contour.seg.nrrd --labels tumor=Mass --output result",
            "pdac-screening score dicom-folder --segmentation labels.nii.gz --probability tumor.nii.gz \\",
            "    --labels tumor=21 pancreas=17,18,19,20 background=others --count-like demo-phantom --output result",
        ),
    )
    parser.add_argument("scan", metavar="CT", help="the scan, as for `screen`")
    parser.add_argument(
        "--segmentation",
        metavar="FILE",
        type=Path,
        required=True,
        help="label map: NIfTI, NRRD, MetaImage, .seg.nrrd of 3D Slicer, or a DICOM segmentation object",
    )
    parser.add_argument(
        "--labels",
        metavar="STRUCTURE=N,...",
        nargs="+",
        required=True,
        help="which numbers of the file, or names of its segments, are tumor, pancreas (outside the tumor) and "
        "background; background=others: all that is not named. What is not named counts as background too, but then a "
        "file without a tumor voxel is not believed",
    )
    parser.add_argument(
        "--probability", metavar="FILE", type=Path, help="probability of tumor between 0 and 1, on the same voxels"
    )
    parser.add_argument(
        "--output", metavar="DIR", type=Path, required=True, help="folder for the result; made if absent"
    )
    add_working_spacing(parser)
    parser.add_argument(
        "--k", metavar="N", type=positive, help="tumor voxels that make a scan suspicious (default: 50)"
    )
    parser.add_argument(
        "--count-like", metavar="NAME|DIR", help="take working grid, K and component rule from this model instead"
    )
    add_scan_choice(parser)
    add_progress(parser)


def run_score(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Judge a given segmentation and leave a result folder. Returns the exit code of its outcome.

    Raises UsageError when nothing was started: no such file, labels that say nothing, a folder that cannot be used.
    """
    from PDACScreeningLib.session.given_file import GivenFile
    from PDACScreeningLib.session.result_folder import KNOWN_FILES, require_result_folder
    from PDACScreeningLib.session.result_place import place_of_new_run
    from PDACScreeningLib.session.scan_run import ScanOrder, ScanRun
    from PDACScreeningLib.session.screener import ScanRequest

    key, config, folder = _key(arguments.labels), _config(arguments), arguments.output
    given = from_arguments(GivenFile, arguments, key=key, config=config)
    inputs = [Path(arguments.scan), given.segmentation, *([given.probability] if given.probability else [])]
    _require_inputs(inputs, [folder, *(folder / name for name in KNOWN_FILES)])
    require_result_folder(folder)
    try:
        with place_of_new_run(folder, interruption.shielded, display.notice):
            order = ScanOrder(from_arguments(ScanRequest, arguments), folder, debug=arguments.debug)
            return ScanRun(order, given, display, interruption).finish().outcome.exit_code
    except FolderInUse as error:
        raise UsageError(str(error)) from error


def _key(words: list[str]) -> StructureKey:
    try:
        return structure_key(words)
    except ValueError as error:
        raise UsageError(f"--labels: {error}") from error


def _config(arguments: argparse.Namespace) -> ScreeningConfig:
    """Working grid and K as asked for, or those of a model. Raises UsageError for both, ModelError."""
    from PDACScreeningLib.config import ScreeningConfig
    from PDACScreeningLib.network.model_choice import find_model
    from PDACScreeningLib.network.model_description import read_description

    if arguments.count_like is not None:
        if arguments.k is not None or arguments.working_spacing_mm != ScreeningConfig.working_spacing_mm:
            raise UsageError("--count-like takes grid and K from a model: leave out --k and --working-spacing-mm")
        return read_description(find_model(arguments.count_like).folder).config
    config = ScreeningConfig(working_spacing_mm=arguments.working_spacing_mm)
    if arguments.k is None:
        return config
    return replace(config, decision=replace(config.decision, min_tumor_voxels=arguments.k))


def _require_inputs(inputs: list[Path], written: list[Path]) -> None:
    """Raise UsageError when a file is not there, or would be overwritten by the result."""
    for path in inputs:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        if path.resolve() in [place.resolve() for place in written]:
            raise UsageError(f"{path} lies where --output writes; name another folder")
