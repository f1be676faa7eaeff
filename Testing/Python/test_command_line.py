"""What needs no scan: help, usage errors, and that nothing heavy is imported for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from PDACScreeningLib import __version__
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.errors import ModelError, UsageError
from PDACScreeningLib.terminal.exit_codes import guarded

ROOT = Path(__file__).resolve().parents[2]
SCREENING = ("screen", "score", "models", "check", "phantom", "phantom-cohort")
TRAINING = ("prepare", "split", "train", "publish", "evaluate")
COMMANDS = (*SCREENING, *TRAINING)
PROCESSOR_S = 1.5  # 0.1 to 0.3 on a quiet machine (docs/benchmarks.md)
HEAVY = "torch", "SimpleITK", "scipy", "pydicom"


def exit_code(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return stopped.value.code


@pytest.mark.parametrize("command", [(), *[(name,) for name in COMMANDS]], ids=lambda command: " ".join(command))
def test_help_ends_well_and_names_the_exit_codes(capsys, command):
    assert exit_code(*command, "--help") == 0
    shown = capsys.readouterr().out
    assert "130 cancelled" in shown
    assert "not a medical device" in shown
    assert "%%" not in shown


@pytest.mark.parametrize("command", ["screen", "score", "phantom", "phantom-cohort", "check", *TRAINING])
def test_help_gives_examples(capsys, command):
    exit_code(command, "--help")
    assert f"examples:\n  pdac-screening {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "needed"),
    [
        (["--help"], set()),
        (["screen", "--help"], set()),
        (["models", "--json"], {"numpy"}),
        (["check", "--json", "--no-self-test"], {"numpy"}),
    ],
    ids=" ".join,
)
def test_what_answers_at_once_needs_nothing_heavy(typed, needed):
    code = f"""
import resource, sys
from PDACScreeningLib.__main__ import main
try:
    main({typed!r})
except SystemExit:
    pass
used = resource.getrusage(resource.RUSAGE_SELF)
found = sys.modules.keys() & {set(HEAVY) - needed!r}
sys.exit(", ".join(found) or (f"{{used.ru_utime}} s" if used.ru_utime + used.ru_stime > {PROCESSOR_S} else 0))
"""
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize("command", [("train", "--patch-size", "64"), ("evaluate", "--model", "demo-phantom")])
def test_more_threads_than_any_machine_has_are_a_mistake_of_usage(capsys, command):
    assert exit_code(*command, "store", "--threads", "100000", "--output", "out") == 2
    assert "threads, got 100000" in capsys.readouterr().err


def test_version(capsys):
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"pdac-screening {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["diagnose"],
        ["screen", "scan.nii"],
        ["screen", "scan.nii", "--output", "x", "--device", "abacus"],
        ["screen", "scan.nii", "--output", "x", "--progress", "loud"],
        ["phantom", "--seed", "1", "--output", "x"],
        ["phantom", "--seed", "1", "--normal", "--tumor-diameter-mm", "30", "--output", "x"],
        ["phantom", "--seed", "-1", "--normal", "--output", "x"],
        ["phantom", "--seed", "1", "--normal", "--shape", "0", "9", "9", "--output", "x"],
        ["phantom-cohort", "--cases", "0", "--seed", "1", "--output", "x"],
    ],
)
def test_a_command_that_cannot_be_understood_has_exit_code_2(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert exit_code(*arguments) == 2
    assert "usage:" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def ending(error, **options):
    def command(_display, _interruption):
        raise error

    return guarded(command, **{"progress": None, "debug": False, **options})


def test_every_ending_has_a_sentence_and_an_exit_code(capsys):
    assert ending(UsageError("no such model")) == 2
    assert ending(ModelError("weights are missing")) == 5
    assert ending(ZeroDivisionError("x")) == 5
    assert ending(KeyboardInterrupt()) == 130
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["pdac-screening: no such model", "pdac-screening: weights are missing"]
    assert "ZeroDivisionError" in lines[2]
    assert lines[3:] == ["pdac-screening: cancelled"]


def test_debug_lets_the_unexpected_through():
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError("x"), debug=True)


def test_an_error_is_a_json_line_where_json_was_asked_for(capsys):
    assert ending(UsageError("no such model"), progress="json") == 2
    assert capsys.readouterr().out == '{"event": "error", "message": "no such model"}\n'
