"""Tests see the project's models only, whatever the developer has imported."""

import pytest


@pytest.fixture(autouse=True)
def no_imported_models(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("PDAC_SCREENING_MODELS", str(tmp_path_factory.getbasetemp() / "no-imported-models"))
