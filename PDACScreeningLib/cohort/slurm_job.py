"""The array job that starts the workers of a cohort under SLURM. Any other scheduler starts the same command."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PDACScreeningLib import atomic_file
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.resources import resource

SCRIPT = "cohort.sbatch"
_LIBRARY_ROOT = Path(__file__).resolve().parents[2]


def write_script(folder: Path, *, workers: int, options: Sequence[str], work_options: Sequence[str]) -> Path:
    """Write the job into the cohort's folder.

    options: of sbatch, e.g. "--gpus=1"; work_options: of `cohort work`. Raises UsageError for an option that is none,
    WriteError.
    """
    for option in options:
        if not option.startswith("-") or "\n" in option:
            raise UsageError(f"--sbatch {option!r} is no option of sbatch; write it like --sbatch=--time=12:00:00")
    lines = "\n".join(f"#SBATCH {option}" for option in options)
    text = (
        resource("slurm/cohort.sbatch")
        .read_text(encoding="utf-8")
        .replace("@WORKERS@", str(workers))
        .replace("@OPTIONS@", lines)
        .replace("@LOGS@", str(folder / "logs"))
        .replace("@LIBRARY@", shlex.quote(str(_LIBRARY_ROOT)))
        .replace("@WORK@", shlex.join([sys.executable, "-m", "PDACScreeningLib", "cohort", "work", str(folder)]))
        .replace("@WORK_OPTIONS@", shlex.join(work_options))
    )
    (folder / "logs").mkdir(exist_ok=True)
    return atomic_file.write_text(folder / SCRIPT, text)


def submit(script: Path) -> str:
    """Hand the job to sbatch and return what it said. Raises UsageError when it cannot be submitted."""
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise UsageError(
            f"there is no sbatch on this machine; submit {script} where SLURM is, or start 'pdac-screening cohort work "
            f"{script.parent}' as often as you like by other means"
        )
    ended = subprocess.run([sbatch, str(script)], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise UsageError(f"sbatch refused {script}: {ended.stderr.strip() or ended.stdout.strip()}")
    return ended.stdout.strip()
