"""Real label maps of PANORAMA (CC BY-NC 4.0), which live beside the repository and never in it."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
import SimpleITK as sitk

from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import LabelMap

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "panorama_labels_CC-BY-NC"


@dataclass(frozen=True)
class PanoramaCase:
    """One row of the manifest and the label map it describes (cropped to the gland and 40 voxels around it)."""

    row: dict[str, str]
    label_map: LabelMap


def panorama_cases():
    """One PanoramaCase after the other; skips the test where the data are absent."""
    if not (FOLDER / "manifest.csv").exists():
        pytest.skip("../shared/data/panorama_labels_CC-BY-NC is absent")
    with (FOLDER / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            image = sitk.ReadImage(str(FOLDER / "crop012" / f"{row['id']}_012.nii.gz"))
            labels = sitk.GetArrayFromImage(image)
            geometry = Geometry(labels.shape, image.GetSpacing(), image.GetOrigin(), image.GetDirection())
            yield PanoramaCase(row, LabelMap(labels, geometry))
