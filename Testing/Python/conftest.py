"""Tests see the project's models only, whatever the developer has imported; and what several files of them share."""

import pytest


@pytest.fixture(autouse=True)
def no_imported_models(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("PDAC_SCREENING_MODELS", str(tmp_path_factory.getbasetemp() / "no-imported-models"))


@pytest.fixture(scope="session")
def dicom_case(tmp_path_factory):
    """A series with three masses, and its screening. Nobody changes it."""
    from dicom_cases import made_case  # highdicom takes a second

    return made_case(tmp_path_factory.mktemp("dicom") / "series")


@pytest.fixture(scope="session")
def dicom_objects(dicom_case):
    """The content of all DICOM objects of it, by file name."""
    from dicom_cases import ALL_OF_THEM

    return dicom_case.files(ALL_OF_THEM)


@pytest.fixture(scope="session")
def dicom_report(dicom_objects):
    """Its report, read."""
    from dicom_cases import read_object

    return read_object(dicom_objects["report.dcm"])


@pytest.fixture(scope="session")
def dicom_segmentation(dicom_objects):
    """Its segmentation, read."""
    from dicom_cases import read_object

    return read_object(dicom_objects["segmentation.dcm"])


@pytest.fixture
def rooms(tmp_path):
    """The rooms of a node, with a clock, a PACS and a screening that do as they are told."""
    from node_parts import Rooms  # highdicom takes a second

    made = Rooms(tmp_path)
    yield made
    made.spool.close()
