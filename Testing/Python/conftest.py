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


@pytest.fixture(scope="session")
def ct_file(tmp_path_factory):
    """A scan as a NIfTI file."""
    from screening_inputs import write_scan

    return write_scan(tmp_path_factory.mktemp("scan") / "scan.nii.gz")


@pytest.fixture(scope="session")
def ct_series(ct_file, tmp_path_factory):
    """The same scan as a folder of DICOM slices."""
    from dicom_cases import write_ct

    from PDACScreeningLib.scan_files.image_io import read_ct_file

    return write_ct(tmp_path_factory.mktemp("ct-series") / "ct", read_ct_file(ct_file).volume)


@pytest.fixture(scope="session")
def label_models(tmp_path_factory):
    """A folder with a model for each label, named after it, that sees nothing else."""
    from screening_inputs import write_model

    from PDACScreeningLib.volume.label_map import Label

    folder = tmp_path_factory.mktemp("label-models")
    for label in Label:
        write_model(folder / label.name, label)
    return folder


@pytest.fixture
def without_pictures(monkeypatch):
    """The pictures take seconds a run; test_dicom_objects.py looks at them."""
    from PDACScreeningLib.session import answer

    write_report = answer.write_report
    monkeypatch.setattr(answer, "write_report", lambda one, _ct, _labels, path: write_report(one, None, None, path))
    monkeypatch.setattr("PDACScreeningLib.dicom.results.key_image_sets", lambda *_arguments: ())


@pytest.fixture(scope="session")
def room_study(tmp_path_factory):
    """Results and scans to read: one with two findings, one with none, and a rejected one. Nobody changes them."""
    from reading_cases import LARGE, SMALL, result, scan
    from sample_screenings import REJECTED

    from PDACScreeningLib.screening_json import write_screening

    root = tmp_path_factory.mktemp("study")
    scans = [scan(root / "scans", number) for number in (0, 1)]
    result(root / "results" / "scan-001", scans[0], LARGE, SMALL, label="case one", networks=True)
    result(root / "results" / "scan-002", scans[1])
    write_screening(REJECTED, root / "results" / "scan-003" / "screening.json")
    return root / "results", scans


@pytest.fixture
def room_browser(room_study, tmp_path):
    """A browser in the reading room of these."""
    from reading_cases import open_room, room_of

    place, scans = room_study
    with open_room(room_of(place, *scans, keep_in=tmp_path)) as browser:
        yield browser


@pytest.fixture(scope="session")
def made_study(tmp_path_factory):
    """The same scans twice: with tumors that the AI calls, and with none. Nobody changes them."""
    from reading_cases import LARGE, SMALL
    from study_cases import make

    tumors = {"suspicious": (LARGE, SMALL), "clear": ()}
    return {
        name: make(tmp_path_factory.mktemp(name), *some, label=f"secret {name} label") for name, some in tumors.items()
    }
