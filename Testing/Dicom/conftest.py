"""Programs of others that judge and read our objects. `make test-dicom` installs them; without them the tests fail."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Python"))

_PIXELMED = (
    "java",
    *("-Djdk.xml.xpathTotalOpLimit=0", "-Djdk.xml.xpathExprOpLimit=0", "-Djdk.xml.xpathExprGrpLimit=0"),
    *("-cp", "/usr/share/java/*", "com.pixelmed.validate.DicomSRValidator"),
)


def run(*command, cwd=None):
    """What a program says. Raises when it fails or is not there."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def program(name):
    """A program beside this Python, or on the path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is not installed: run make test-dicom"
    return found


def errors_of_dciodvfy(path):
    """Lines in which dicom3tools sees an error."""
    done = subprocess.run([program("dciodvfy"), "-new", str(path)], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert said.strip(), "dciodvfy says at least what it read"
    return [line for line in said.splitlines() if line.startswith("Error")]


def errors_of_pixelmed(path):
    """Lines in which PixelMed's validator of structured reports sees an error."""
    said = run(*_PIXELMED, path)
    assert "Root Template Validation Complete" in said, said
    return [line for line in said.splitlines() if line.startswith("Error")]


def read_by_dcmjs(*paths):
    """What OHIF's parser sees: list of objects, one for each path."""
    said = run(program("node"), HERE / "read_with_dcmjs.mjs", *paths, cwd=HERE.parents[1] / "build" / "dicom-tools")
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.fixture
def written(tmp_path):
    """Writes the files of a case and returns their paths by name."""

    def write(files):
        paths = {}
        for name, content in files.items():
            paths[name] = tmp_path / name
            paths[name].write_bytes(content)
        return paths

    return write
