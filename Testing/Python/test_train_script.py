"""train.py ends with an exit code on every path, since Slicer stays open otherwise."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "train.py"


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def script():
    specification = importlib.util.spec_from_file_location("train_script", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_script_is_ascii_because_slicer_reads_it_in_the_encoding_of_the_locale():
    assert SCRIPT.read_bytes().isascii()


def test_help_ends_with_zero_from_another_folder_and_after_a_separator(tmp_path):
    finished = run("--", "--help", cwd=tmp_path)
    assert finished.returncode == 0
    assert "--patch-size" in finished.stdout


def test_a_usage_error_ends_with_two():
    assert run("--no-such-option").returncode == 2


def test_a_store_that_is_not_there_ends_with_a_code_and_a_sentence(tmp_path):
    finished = run(str(tmp_path / "store"), "--patch-size", "64", "--output", str(tmp_path / "run"))
    assert finished.returncode in (2, 5)
    assert finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_error_before_the_command_line_is_there_ends_with_five(script, monkeypatch, capsys):
    def broken(_argv):
        raise ImportError("no library")

    monkeypatch.setattr(script, "main", broken)
    assert script.exit_code([]) == script.UNEXPECTED
    assert "no library" in capsys.readouterr().err


def test_an_exit_without_a_number_ends_with_five(script, monkeypatch):
    def leaving(_argv):
        raise SystemExit("a sentence")

    monkeypatch.setattr(script, "main", leaving)
    assert script.exit_code([]) == script.UNEXPECTED


def test_only_the_leading_separator_is_taken_away(script):
    assert script.without_separator(["--", "a", "--"]) == ["a", "--"]
    assert script.without_separator(["a", "--"]) == ["a", "--"]
