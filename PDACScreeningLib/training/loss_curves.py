"""The journal as curves in TensorBoard, for those who have it: event files in the folder `tensorboard` of a run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import TracebackType
from typing import Any

from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.training.journal import JournalLine

FOLDER = "tensorboard"


def tensorboard_is_installed() -> bool:
    """Whether event files can be written: torch writes them with the package tensorboard."""
    return importlib.util.find_spec("tensorboard") is not None


class LossCurves:
    """Event files beside the journal. The journal is the record: these may lack the last lines of a killed training.

    Raises ModuleNotFoundError without the package tensorboard.
    """

    def __init__(self, folder: Path, first_iteration: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # purge_step: TensorBoard forgets what an earlier event file says of iterations that are done again
        self._writer: Any = SummaryWriter(str(folder / FOLDER), purge_step=first_iteration)

    def __enter__(self) -> LossCurves:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def add(self, line: JournalLine) -> None:
        """Draw one line of the journal."""
        values = {
            "loss/total": line.loss,
            **{f"loss/{name}": value for name, value in line.head_losses.items()},
            "learning_rate": line.learning_rate,
            "pace/patches_per_s": line.patches_per_s,
            "pace/data_wait_share": line.data_wait_share,
        }
        if line.validation_dice is not None:
            values["validation/mean_dice"] = line.validation_dice
        if line.validation_scans is not None:
            values |= {f"validation/{name}": value for name, value in to_plain(line.validation_scans).items()}
        for name, value in values.items():
            self._writer.add_scalar(name, value, line.iteration)
