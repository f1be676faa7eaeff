"""`pdac-screening phantom`: one synthetic CT with known truth."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.phantom.generator import PhantomFacts
from PDACScreeningLib.phantom.phantom_files import CT_NAME, write_phantom
from PDACScreeningLib.phantom.specification import DEFAULT_SHAPE, DEFAULT_SPACING_MM, PhantomSpec
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.terminal.arguments import add_progress, describe, from_arguments, natural, positive
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE
from PDACScreeningLib.terminal.interruption import Interruption
from PDACScreeningLib.volume.geometry import XYZ, ZYX


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`phantom`: one synthetic CT with known truth."""
    describe(
        parser,
        run_phantom,
        description="Writes ct.nii.gz, labels.nii.gz (1 pancreas, 2 tumor) and phantom.json. Same seed, same bytes.",
        examples=(
            "pdac-screening phantom --seed 1 --tumor-diameter-mm 30 --dicom --output phantom-1",
            "pdac-screening phantom --seed 1 --tumor-diameter-mm 30 --output phantom-1",
            "pdac-screening phantom --seed 2 --normal --shape 192 192 160 --spacing 1.9 1.9 1.5 --output phantom-2",
        ),
    )
    add_output(parser)
    truth = parser.add_mutually_exclusive_group(required=True)
    truth.add_argument("--normal", action="store_true", help="no tumor")
    truth.add_argument("--tumor-diameter-mm", metavar="D", type=float, help="a tumor of this largest diameter")
    add_grid(parser)
    parser.add_argument(
        "--dicom", action="store_true", help="write the CT as a series of DICOM slices too, into DIR/dicom"
    )
    parser.add_argument("--phase", metavar="F", type=float, help="contrast: 0 none, 1 portal venous (default: drawn)")
    parser.add_argument(
        "--noise", metavar="HU", dest="noise_hu", type=float, help="standard deviation of the noise (default: drawn)"
    )
    add_progress(parser)


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=natural, required=True, help="whole number that decides everything random")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder to write; made if absent")


def add_grid(parser: argparse.ArgumentParser) -> None:
    axes = ("X", "Y", "Z")
    parser.add_argument(
        "--shape", nargs=3, type=positive, action=_AsTuple, metavar=axes, help="voxels (default: 128 128 96)"
    )
    parser.add_argument(
        "--spacing", nargs=3, type=float, action=_AsTuple, metavar=axes, help="mm (default: 2.9 2.9 2.5)"
    )


class _AsTuple(argparse.Action):
    """Keeps several values as a tuple, which unlike argparse's list is a value."""

    def __call__(self, _parser: Any, namespace: argparse.Namespace, values: Any, _option: Any = None) -> None:
        setattr(namespace, self.dest, tuple(values))


@dataclass(frozen=True)
class Grid:
    """Voxels and spacing as typed, in the order (x, y, z); None takes the generator's own."""

    shape_xyz: tuple[int, int, int] | None = None
    spacing_mm_xyz: XYZ | None = None

    @property
    def shape(self) -> ZYX:
        """Voxels along (z, y, x)."""
        if self.shape_xyz is None:
            return DEFAULT_SHAPE
        x, y, z = self.shape_xyz
        return (z, y, x)

    @property
    def spacing_mm(self) -> XYZ:
        """(x, y, z)."""
        return self.spacing_mm_xyz or DEFAULT_SPACING_MM


@dataclass(frozen=True)
class PhantomRequest:
    """One phantom; what is None is drawn from the seed, and without a diameter there is no tumor."""

    output: Path
    seed: int
    tumor_diameter_mm: float | None
    grid: Grid
    phase: float | None = None
    noise_hu: float | None = None
    dicom: bool = False


def run_phantom(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Write one phantom and say what it measures. Raises UsageError when the values make no phantom."""
    request = from_arguments(PhantomRequest, arguments, grid=Grid(arguments.shape, arguments.spacing))
    specification = _specification(request)
    folder = output_folder(request.output)
    phantom = write_phantom(specification, folder, interruption.hook(display.progress))
    if request.dicom:
        from PDACScreeningLib.phantom.dicom_series import write_dicom_series

        write_dicom_series(phantom, folder / "dicom")
    display.result(_phantom_text(folder / CT_NAME, phantom.facts), {"output": str(folder), **asdict(phantom.facts)})
    return DONE


def _specification(request: PhantomRequest) -> PhantomSpec:
    try:
        return random_specification(
            request.seed,
            tumor_diameter_mm=request.tumor_diameter_mm,
            shape=request.grid.shape,
            spacing_mm=request.grid.spacing_mm,
            phase=request.phase,
            noise_hu=request.noise_hu,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def output_folder(output: Path) -> Path:
    """The folder. Raises UsageError for a file."""
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file; name a folder")
    return output


def _phantom_text(ct: Path, facts: PhantomFacts) -> str:
    tumor = "no tumor"
    if facts.tumor_voxels:
        tumor = f"a tumor of {facts.tumor_max_diameter_mm:.1f} mm and {facts.tumor_ml:.1f} mL"
    return f"{ct}: pancreas of {facts.pancreas_ml:.1f} mL, {tumor}"
