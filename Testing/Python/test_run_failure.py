"""What a person is told when a run gives no result."""

import pytest

from PDACScreeningLib.child_run.run_failure import FailureKind, RunFailure, failure_of, failure_to_start, usual
from PDACScreeningLib.errors import InputRejected, WriteError

# what each program really says, and what we make of it
SAID = [
    ("No module named 'torch'", FailureKind.NO_TORCH),
    ("The Python package torch is not installed; install it with: python -m pip install torch", FailureKind.NO_TORCH),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", FailureKind.GPU_MEMORY),
    ("The GPU ran out of memory; close other programs that use it", FailureKind.GPU_MEMORY),
    ("RuntimeError: CUDA error: no kernel image is available for execution on the device", FailureKind.GPU_DRIVER),
    ("The NVIDIA driver on your system is too old (found version 11040)", FailureKind.GPU_DRIVER),
    ("device 'cuda' was asked for, but torch 2.13.0 does not see one; use --device cpu", FailureKind.GPU_DRIVER),
    ("OSError: [Errno 28] No space left on device", FailureKind.DISK_FULL),
    ("The machine ran out of memory; close other programs", FailureKind.MEMORY),
]


@pytest.mark.parametrize(("said", "kind"), SAID)
def test_what_the_child_said_tells_the_kind(said, kind):
    assert failure_of(5, "FAILED", said, ()).kind is kind
    assert failure_of(1, None, "", (said,)).kind is kind


def test_a_rejected_scan_keeps_the_sentence_of_the_library():
    failure = failure_of(4, "REJECTED", "The scan has 3 slices; screen a whole abdomen", ())
    assert failure.kind is FailureKind.REJECTED
    assert failure.sentence == "Not assessable: The scan has 3 slices; screen a whole abdomen"


def test_a_missing_or_damaged_model_keeps_the_sentence_of_the_library():
    missing = failure_of(2, None, "no model 'x': it is neither an installed model (none) nor a folder", ())
    damaged = failure_of(5, "FAILED", "weights.safetensors in x is not the file that model.json describes", ())
    assert missing.kind is damaged.kind is FailureKind.MODEL
    assert missing.sentence.startswith("no model 'x'")


@pytest.mark.parametrize("code", [-9, -11, 137])
def test_a_signal_means_killed_from_outside(code):
    assert failure_of(code, None, "", ()).kind is FailureKind.KILLED


def test_a_launcher_that_lost_its_python_means_killed_from_outside():
    """What PythonSlicer says and how it ends when the system killed the real Python for its memory."""
    said = "error: [/opt/Slicer/bin/python-real] exit abnormally - Report the problem."
    failure = failure_of(1, None, "", (said,))
    assert failure.kind is FailureKind.KILLED
    assert "memory" in failure.sentence


def test_a_child_that_ends_well_without_a_result_is_garbage():
    assert failure_of(0, None, "", ("hello",)).kind is FailureKind.GARBAGE


def test_an_unknown_end_is_a_failure_to_report():
    failure = failure_of(3221225477, None, "", ())
    assert failure.kind is FailureKind.FAILED
    assert "report" in failure.remedy


def test_cancelling_needs_no_remedy():
    assert failure_of(130, "CANCELLED", "The screening was cancelled before it had a result.", ()) == RunFailure(
        FailureKind.CANCELLED, "The screening was cancelled."
    )


def test_only_trouble_with_the_gpu_offers_the_processors():
    offering = {kind for kind in FailureKind if kind not in (FailureKind.MODEL, FailureKind.REJECTED)}
    offering = {kind for kind in offering if usual(kind).offers_processors}
    assert offering == {FailureKind.GPU_MEMORY, FailureKind.GPU_DRIVER}


def test_only_missing_torch_offers_to_install_it():
    assert usual(FailureKind.NO_TORCH).needs_torch
    assert not usual(FailureKind.FAILED).needs_torch


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InputRejected("The selected volume is a color image"), FailureKind.REJECTED),
        (WriteError("cannot write ct.nrrd: No space left on device"), FailureKind.DISK_FULL),
        (OSError(28, "No space left on device"), FailureKind.DISK_FULL),
        (FileNotFoundError(2, "No such file or directory: 'PythonSlicer'"), FailureKind.NOT_STARTED),
    ],
)
def test_a_run_that_cannot_start_says_why(error, kind):
    assert failure_to_start(error).kind is kind
