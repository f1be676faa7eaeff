"""A volume of Slicer's DICOM database names series and image, found by the place that each header tells."""

import numpy as np
import pytest
import slicer
from made_result import GEOMETRY, make_result
from panel_driving import findings, paint, screened
from run_driving import replaying_python, until
from screening_inputs import write_model

from PDACScreeningLib.image_numbers import slice_index
from PDACScreeningLib.volume.label_map import Label


class Database:
    """What the panel uses of ctkDICOMDatabase."""

    isOpen = True

    def __init__(self, headers):
        self._headers, self.asked = headers, []

    def instanceValue(self, instance, tag):
        self.asked.append((instance, tag))
        return self._headers.get(instance, {}).get(tag, "")


@pytest.fixture
def made(tmp_path):
    return make_result(tmp_path)


@pytest.fixture
def panel(module_widget, made, tmp_path, monkeypatch):
    """A screening of a volume whose slices are listed from the head on, as files often are."""
    volume, (x, y, z) = slicer.util.loadVolume(str(made.scan)), GEOMETRY.origin_mm
    headers = {
        f"1.2.{k}": {"0020,0011": "3", "0020,0013": str(100 - k), "0020,0032": f"{x}\\{y}\\{z + 4.0 * k}"}
        for k in range(GEOMETRY.shape[0])
    }
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(reversed(headers)))
    monkeypatch.setattr(slicer, "dicomDatabase", Database(headers), raising=False)
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    screened(module_widget, volume, write_model(tmp_path / "tiny", Label.TUMOR))
    return module_widget


def test_banner_and_table_name_series_and_image(panel, made):
    screening = panel.logic.shown_result(panel._parameterNode.result).screening
    images = [100 - slice_index(finding, screening.input) for finding in made.screening.findings]
    assert f"series 3 image {images[0]}." in panel.ui.bannerLineLabel.text
    assert [row[4] for row in findings(panel)] == [str(number) for number in images]
    assert not panel.ui.findingsTable.isColumnHidden(4)


def test_only_the_images_of_findings_are_asked_for_their_number(panel, made):
    asked = [instance for instance, tag in slicer.dicomDatabase.asked if tag == "0020,0013"]
    assert len(asked) == len(made.screening.findings)


def test_re_scored_findings_have_their_numbers_too(panel):
    paint(panel._parameterNode.result, panel._parameterNode.inputVolume, "Tumor", np.s_[6:9, 8:20, 8:20])
    until(lambda: "stale" in panel.ui.stateLabel.text, patience_s=10)
    panel.ui.rescoreButton.click()
    assert "series 3 image " in panel.ui.bannerLineLabel.text


def test_a_volume_of_a_file_has_no_images_and_the_table_no_such_column(module_widget, made, tmp_path):
    module_widget.logic.python = replaying_python(tmp_path, made.folder)
    screened(module_widget, slicer.util.loadVolume(str(made.scan)), write_model(tmp_path / "tiny", Label.TUMOR))
    assert "image" not in module_widget.ui.bannerLineLabel.text
    assert module_widget.ui.findingsTable.isColumnHidden(4)


def test_headers_without_places_and_numbers_that_are_none_say_nothing(panel, monkeypatch):
    from PDACScreeningLib.mrml.dicom_numbers import with_numbers_of_dicom

    volume, screening = (
        panel._parameterNode.inputVolume,
        panel.logic.shown_result(panel._parameterNode.result).screening,
    )
    spoiled = {"0020,0011": "19770517", "0020,0013": "MRN", "0020,0032": "1\\2"}
    said = with_numbers_of_dicom(screening, volume, lambda _instance, tag: spoiled[tag])
    assert said.input.series_number is None
    assert all(finding.image_number is None for finding in said.findings)
