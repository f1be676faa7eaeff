"""The button "DICOM results": of a volume from Slicer's DICOM database, and a sentence for every other one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
from dicom_cases import screened, write_ct
from panel_driving import paint
from run_driving import until
from sample_screenings import SUSPICIOUS
from screening_inputs import write_scan

from PDACScreeningLib.dicom.object_files import REPORT, SEGMENTATION
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.mrml.result_nodes import show_result
from PDACScreeningLib.scan_files.image_io import read_ct_file
from PDACScreeningLib.screening_result import InputFacts
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.stored_result import read_parts
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart


class Database:
    """What the panel uses of ctkDICOMDatabase."""

    isOpen = True

    def __init__(self, folder):
        self._files = {pydicom.dcmread(path).SOPInstanceUID: path for path in folder.glob("*.dcm")}
        self.instances = list(self._files)

    def fileForInstance(self, instance):
        return str(self._files.get(instance, ""))

    def instanceValue(self, _instance, _tag):
        return ""


def result_folder(ct, folder):
    """A gland with a tumor in the middle of the scan, as a result of it."""
    labels = np.zeros(ct.geometry.shape, np.uint8)
    labels[8:16, 15:25, 15:25] = Label.PANCREAS
    labels[10:14, 17:22, 17:22] = Label.TUMOR
    probability = (labels == Label.TUMOR).astype(np.float32) * np.float32(0.9)
    label_map, geometry = LabelMap(labels, ct.geometry), ct.geometry
    facts = InputFacts(
        kind="NRRD",
        shape_zyx=geometry.shape,
        spacing_mm_xyz=geometry.spacing_mm,
        origin_lps_mm=geometry.origin_mm,
        direction=geometry.direction,
        voxels_sha256=voxels_sha256(ct.hu),
        hu_range=(int(ct.hu.min()), int(ct.hu.max())),
    )
    screening = replace(screened(SUSPICIOUS, label_map, ct, probability), input=facts)
    return Answer(screening, ct, label_map, VolumePart.of(probability, geometry)).save(folder)


@pytest.fixture
def panel(module_widget, tmp_path, monkeypatch):
    scan = write_scan(tmp_path / "scan.nrrd")
    ct = read_ct_file(scan).volume
    database = Database(write_ct(tmp_path / "ct", ct))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    volume = slicer.util.loadVolume(str(scan))
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(database.instances))
    folder = result_folder(ct, tmp_path / "result")
    node = show_result(slicer.mrmlScene, folder, volume, read_parts(folder))
    module_widget.ui.inputSelector.setCurrentNode(volume)
    until(lambda: module_widget.ui.saveDicomButton.enabled, patience_s=20)
    module_widget.result_node = node
    return module_widget


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Where the folder dialog leads."""
    import qt

    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_given: str(tmp_path / "saved"), raising=False)
    return tmp_path / "saved"


def test_the_objects_are_of_the_patient_and_the_series_of_the_volume(panel, saved):
    panel.ui.saveDicomButton.click()
    assert panel.ui.reviewProblemLabel.text == ""
    written = {path.name: pydicom.dcmread(path) for path in saved.iterdir()}
    assert {SEGMENTATION, REPORT} < written.keys()
    assert {one.PatientID for one in written.values()} == {"MRN12345"}
    referenced = written[SEGMENTATION].ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {one.ReferencedSOPInstanceUID for one in referenced} <= set(slicer.dicomDatabase.instances)


def test_a_volume_from_elsewhere_has_none_and_says_why(panel, saved):
    panel._parameterNode.inputVolume.RemoveAttribute("DICOM.instanceUIDs")
    panel.ui.saveDicomButton.click()
    assert "not loaded from Slicer's DICOM database" in panel.ui.reviewProblemLabel.text
    assert not saved.exists()


def test_a_series_that_is_no_longer_there_or_is_another_scan_is_told(panel, saved):
    first = slicer.dicomDatabase.instances[0]
    path = Path(slicer.dicomDatabase.fileForInstance(first))
    changed = pydicom.dcmread(path)
    pixels = changed.pixel_array.copy()
    pixels[20, 20] += 3
    changed.PixelData = pixels.tobytes()
    changed.save_as(path)
    panel.ui.saveDicomButton.click()
    assert "Hounsfield units differ" in panel.ui.reviewProblemLabel.text
    path.unlink()
    panel.ui.saveDicomButton.click()
    assert "no longer in Slicer's DICOM database" in panel.ui.reviewProblemLabel.text
    assert not saved.exists()


def test_edits_of_a_reviewer_are_not_in_them(panel, saved):
    paint(panel._parameterNode.result, panel._parameterNode.inputVolume, "Tumor", (0, 0, 0))
    panel.ui.saveDicomButton.click()
    report = pydicom.dcmread(saved / REPORT)
    assert "SEMIAUTOMATIC" not in str(pydicom.dcmread(saved / SEGMENTATION).SegmentSequence)
    assert "PredecessorDocumentsSequence" not in report
