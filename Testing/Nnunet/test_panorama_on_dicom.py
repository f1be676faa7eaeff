"""A two-step folder of the PANORAMA baseline's size runs end to end on a DICOM series, on two cores."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from panorama_facts import RECIPE, write_panorama
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.session.stored_result import read_result

REAL_SERIES = os.environ.get("PDAC_SCREENING_TEST_SERIES")  # a folder of DICOM slices of a real CT, where there is one
GIB = 2**30


def made_series(folder: Path, slices=20, size=160) -> Path:
    """A body of noise in air, 20 slices of 2 mm, as a series."""
    folder.mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    y, x = np.meshgrid(*[np.linspace(-1, 1, size)] * 2, indexing="ij")
    rng = np.random.default_rng(0)
    for number in range(slices):
        hu = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, 50, -1000) + rng.integers(-30, 31, (size, size))
        one = pydicom.Dataset()
        one.file_meta = pydicom.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = CTImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
        one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
        one.Modality, one.PatientID, one.PatientName = "CT", "test", "Test"
        one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        one.SeriesNumber, one.InstanceNumber, one.AcquisitionNumber = 1, number + 1, 1
        one.ImagePositionPatient, one.ImageOrientationPatient = [-160.0, -160.0, 2.0 * number], [1, 0, 0, 0, 1, 0]
        one.PixelSpacing, one.SliceThickness = [2.0, 2.0], 2.0
        one.Rows = one.Columns = size
        one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = 16
        one.HighBit, one.PixelRepresentation = 15, 1
        one.RescaleSlope, one.RescaleIntercept = 1, 0
        one.PixelData = hu.astype("<i2").tobytes()
        one.save_as(folder / f"{number:03}.dcm", enforce_file_format=True)
    return folder


@pytest.mark.slow
def test_one_fold_without_mirroring_stays_within_ten_minutes_and_eight_gigabytes(tmp_path, monkeypatch):
    monkeypatch.setenv("PDAC_SCREENING_MODELS", str(tmp_path / "models"))
    results = write_panorama(tmp_path / "nnUNet_results")
    typed = ["import-model", str(results), "--recipe", RECIPE, "--name", "panorama", "--license-text", "random weights"]
    assert main([*typed, "--source", "this test"]) == 0
    series = Path(REAL_SERIES) if REAL_SERIES else made_series(tmp_path / "series")
    began = time.monotonic()
    typed = [*("screen", str(series), "--output", str(tmp_path / "out"), "--model", "panorama"), "--no-mirroring"]
    child = subprocess.Popen([sys.executable, "-m", "PDACScreeningLib", *typed, "--folds", "0"])
    _, status, usage = os.wait4(child.pid, 0)  # as `wait`, and it tells the memory of this child alone
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in (0, 3)
    assert time.monotonic() - began < 600
    assert usage.ru_maxrss * 1024 < 8 * GIB
    screening = read_result(tmp_path / "out").screening
    assert (screening.protocol.ensemble.steps, screening.protocol.ensemble.folds) == (2, ("0",))
    assert screening.timings_s["second step"] > 0
    assert json.loads((tmp_path / "out" / "screening.json").read_text())["candidate_score"] is not None
