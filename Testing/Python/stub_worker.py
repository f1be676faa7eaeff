"""Stands in for the networks where only the way through the node is tested.

stub_worker.py SECONDS: how long a screening takes. It is the worker of the library with every gate, every object and
every file; only the labels are made up, and the pictures, which take seconds, are left out.
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

from dicom_cases import screened  # noqa: E402
from sample_screenings import MODEL, SUSPICIOUS  # noqa: E402

from PDACScreeningLib.__main__ import main  # noqa: E402
from PDACScreeningLib.config import ScreeningConfig  # noqa: E402
from PDACScreeningLib.dicom import results  # noqa: E402
from PDACScreeningLib.inference.screening import ScreenedVolume  # noqa: E402
from PDACScreeningLib.session import answer, model, screener  # noqa: E402
from PDACScreeningLib.volume.label_map import Label, LabelMap  # noqa: E402
from PDACScreeningLib.volume.part import VolumePart  # noqa: E402
from PDACScreeningLib.volume.working_grid import working_grid  # noqa: E402


def made_up_labels(geometry):
    """A gland with one tumor in the middle of the scan."""
    labels = np.zeros(geometry.shape, np.uint8)
    z, y, x = (length // 2 for length in geometry.shape)
    labels[z - 2 : z + 2, y - 5 : y + 5, x - 5 : x + 5] = Label.PANCREAS
    labels[z - 1 : z + 1, y - 3 : y + 3, x - 3 : x + 3] = Label.TUMOR
    return LabelMap(labels, geometry)


def stand_in(seconds):
    """Let the session answer without a model."""

    def screen(ct, *_arguments, **_keywords):
        time.sleep(seconds)
        labels = made_up_labels(ct.geometry)
        probability = (labels.labels == Label.TUMOR).astype(np.float32) * np.float32(0.9)
        screening = screened(SUSPICIOUS, labels, ct, probability)
        return ScreenedVolume(
            screening, working_grid(ct.geometry, None), labels, VolumePart.of(probability, ct.geometry)
        )

    write_report = answer.write_report
    answer.write_report = lambda one, _ct, _labels, path: write_report(one, None, None, path)
    results.key_image_sets = lambda *_arguments: ()
    screener.screen_with = screen
    loaded = model.LoadedModel(MODEL, ScreeningConfig(), "cpu", "fp32", None, tuple)
    model.LazyModel.loaded = lambda _self: loaded


if __name__ == "__main__":
    stand_in(float(sys.argv[1]))
    sys.exit(main(["worker"]))
