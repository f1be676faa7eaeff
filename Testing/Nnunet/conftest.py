"""The tests that need nnU-Net itself share what the others use to make folders."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Python"))
pytest.importorskip("nnunetv2", reason="make test-nnunet installs it")


@pytest.fixture(autouse=True)
def no_imported_models(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("PDAC_SCREENING_MODELS", str(tmp_path_factory.getbasetemp() / "no-imported-models"))
