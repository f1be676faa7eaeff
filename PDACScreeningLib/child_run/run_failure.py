"""Why a run in a child process gave no result, in one sentence, and what a person can do about it."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from PDACScreeningLib.errors import InputRejected


class FailureKind(Enum):
    """Every way a run can end without a result."""

    CANCELLED = "cancelled"
    NO_TORCH = "no torch"
    GPU_MEMORY = "GPU memory"
    GPU_DRIVER = "GPU driver"
    MEMORY = "memory"
    DISK_FULL = "disk full"
    MODEL = "model"
    REJECTED = "rejected"
    VOLUME_CHANGED = "volume changed"
    VOLUME_GONE = "volume gone"
    NOT_STARTED = "not started"
    KILLED = "killed"
    GARBAGE = "garbage"
    FAILED = "failed"


@dataclass(frozen=True)
class RunFailure:
    """What happened and what to do."""

    kind: FailureKind
    sentence: str
    remedy: str = ""

    @property
    def offers_processors(self) -> bool:
        """Whether running without the GPU is the way out."""
        return self.kind in (FailureKind.GPU_MEMORY, FailureKind.GPU_DRIVER)

    @property
    def needs_torch(self) -> bool:
        """Whether PyTorch has to be installed first."""
        return self.kind is FailureKind.NO_TORCH


_USUAL = {
    FailureKind.CANCELLED: ("The screening was cancelled.", ""),
    FailureKind.NO_TORCH: (
        "PyTorch is not installed.",
        "Install it with the button below, or without a network as the user guide tells.",
    ),
    FailureKind.GPU_MEMORY: (
        "The GPU has too little free memory.",
        "Close other programs that use it, or screen on the processors.",
    ),
    FailureKind.GPU_DRIVER: (
        "PyTorch cannot use the GPU: its driver or its model does not fit this version of PyTorch.",
        "Update the driver or install another version of PyTorch, or screen on the processors.",
    ),
    FailureKind.MEMORY: ("The machine ran out of memory.", "Close other programs, or use a machine with more."),
    FailureKind.DISK_FULL: ("The disk for temporary files is full.", "Make room on it and screen again."),
    FailureKind.VOLUME_CHANGED: (
        "The voxels of the CT changed during the screening, so its result was discarded.",
        "Screen again.",
    ),
    FailureKind.VOLUME_GONE: ("The CT was removed from the scene, so the screening was stopped.", ""),
    FailureKind.NOT_STARTED: (
        "The screening process could not be started.",
        "Check that Slicer's Python is intact, then screen again.",
    ),
    FailureKind.KILLED: (
        "The screening process was ended from outside, often because the machine ran out of memory.",
        "Close other programs and screen again.",
    ),
    FailureKind.GARBAGE: (
        "The screening process did not answer as expected.",
        "Screen again; if it happens twice, copy the diagnostics and report it.",
    ),
    FailureKind.FAILED: ("The screening failed.", "Copy the diagnostics and report it."),
}

# What torch, CUDA and the operating system say, in the order of trust.
_SIGNS = (
    (FailureKind.NO_TORCH, r"No module named '?torch|package torch is not installed"),
    (FailureKind.GPU_MEMORY, r"CUDA out of memory|GPU ran out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED"),
    (
        FailureKind.GPU_DRIVER,
        r"no kernel image is available|driver version is insufficient|driver on your system is too old|CUDA error|"
        r"CUDA driver initialization failed|does not see one; use --device cpu",
    ),
    (FailureKind.DISK_FULL, r"No space left|disk is full|not enough space on the disk|Disk quota exceeded|Errno 28"),
    (FailureKind.MEMORY, r"ran out of memory|MemoryError|Cannot allocate memory|std::bad_alloc"),
)

# Slicer's launcher PythonSlicer ends with 1 and this line when its Python was killed (CTKAppLauncher).
_LAUNCHER_LOST_IT = r"exit(ed)? abnormally"


def usual(kind: FailureKind) -> RunFailure:
    """A failure in our own words."""
    return RunFailure(kind, *_USUAL[kind])


def not_assessable(reason: str) -> RunFailure:
    """A scan that was refused, with the library's own sentence."""
    return RunFailure(FailureKind.REJECTED, f"Not assessable: {reason}")


def failure_to_start(error: Exception) -> RunFailure:
    """Why there is no run at all: the volume is no CT, the disk is full, or there is no Python to run."""
    if isinstance(error, InputRejected):
        return not_assessable(str(error))
    failure = failure_of(None, None, str(error), ())
    return usual(FailureKind.NOT_STARTED) if failure.kind is FailureKind.FAILED else failure


def failure_of(exit_code: int | None, outcome: str | None, message: str, other_output: Sequence[str]) -> RunFailure:
    """Why a child ended without a result.

    exit_code: negative after a signal. outcome: of the `result` event, None when there was none. message: the child's
    own last sentence, of its `result` or `error` event; it is shown as it is where it says more than we know.
    """
    text = "\n".join([message, *other_output])
    if outcome == "CANCELLED":
        return usual(FailureKind.CANCELLED)
    if outcome == "REJECTED":
        return not_assessable(message)
    for kind, sign in _SIGNS:
        if re.search(sign, text):
            return usual(kind)
    if outcome is None and exit_code == 2 and message:
        return RunFailure(FailureKind.MODEL if "model" in message.lower() else FailureKind.FAILED, message)
    if message and outcome == "FAILED":
        kind = FailureKind.MODEL if re.search(r"weights|model\.json|model", message) else FailureKind.FAILED
        return RunFailure(kind, message)
    if exit_code is not None and (exit_code < 0 or exit_code in (137, 143)) or re.search(_LAUNCHER_LOST_IT, text):
        return usual(FailureKind.KILLED)
    if message:
        return RunFailure(FailureKind.FAILED, message, _USUAL[FailureKind.FAILED][1])
    return usual(FailureKind.GARBAGE if exit_code == 0 else FailureKind.FAILED)


_FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s\"':,]+)*[\\/](?=[^\\/\s])")


def diagnostics(facts: Mapping[str, object], title: str, lines: list[str]) -> str:
    """Facts about the machine and the problem, then lines under a title, all without folders."""
    known = {"python": sys.version.split()[0], "system": sys.platform} | dict(facts)
    return _FOLDERS.sub("", "\n".join([*(f"{name}: {value}" for name, value in known.items()), f"{title}:", *lines]))


def error_diagnostics(error: BaseException) -> str:
    """Kind and place of an unexpected error. Its message is left out: it may name a volume, and that a patient."""
    places = [f"{place.filename}:{place.lineno} in {place.name}" for place in traceback.extract_tb(error.__traceback__)]
    return diagnostics({"problem": type(error).__name__}, "raised in", places)
