from pathlib import Path

import pytest

from PDACScreeningLib import errors
from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.session.outcome_of_error import outcome_of_error, sentence, without_paths


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (errors.InputRejected("ct.nii ends early"), Outcome.REJECTED),
        (errors.InputIndeterminate("only 3 slices"), Outcome.INDETERMINATE),
        (errors.ModelError("weights are missing"), Outcome.FAILED),
        (errors.WriteError("disk full"), Outcome.FAILED),
        (errors.Cancelled(), Outcome.CANCELLED),
        (KeyboardInterrupt(), Outcome.CANCELLED),
        (MemoryError(), Outcome.FAILED),
        (ZeroDivisionError("division by zero"), Outcome.FAILED),
    ],
)
def test_every_error_has_an_outcome(error, outcome):
    screening = outcome_of_error(error)
    assert screening.outcome == outcome
    assert screening.reason
    assert screening.score is None


def test_our_own_errors_speak_for_themselves():
    assert sentence(errors.InputRejected("ct.nii ends early; copy it again")) == "ct.nii ends early; copy it again"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "python -m pip install torch"),
        (ModuleNotFoundError("No module named 'scipy.sparse'", name="scipy.sparse"), "python -m pip install scipy"),
        (OutOfMemoryError("CUDA out of memory"), "--device cpu"),
        (MemoryError(), "out of memory"),
        (ZeroDivisionError("/home/eva/x.py"), "ZeroDivisionError"),
    ],
)
def test_foreign_errors_are_put_into_words_with_what_to_do(error, advice):
    assert advice in sentence(error)
    assert "eva" not in sentence(error)


def test_places_become_words():
    text = "could not write /home/eva/doe_jane/labels.seg.nrrd of /home/eva/scans/ct.nii.gz."
    words = {Path("/home/eva/scans/ct.nii.gz"): "the input", Path("/home/eva/doe_jane"): "the output folder"}
    assert without_paths(text, words) == "could not write the output folder/labels.seg.nrrd of the input."


def test_a_bare_name_is_a_place_only_where_a_path_stands():
    words = {Path("a"): "the output folder"}
    assert without_paths("could not write a/report.html: a disk is full", words) == (
        "could not write the output folder/report.html: a disk is full"
    )


def test_a_place_is_not_mistaken_for_the_beginning_of_another():
    assert without_paths("/data/scan2.nii is newer", {Path("/data/scan"): "the input"}) == "/data/scan2.nii is newer"


def test_the_reason_of_a_rejected_scan_names_files_only_on_request():
    error = InputRejected("a slice is damaged: copy it again", details="DOE_JANE_7.dcm")
    assert outcome_of_error(error).reason == "a slice is damaged: copy it again"
    assert outcome_of_error(error, with_names=True).reason == "a slice is damaged: copy it again (DOE_JANE_7.dcm)"
