"""`tumor_probability.nrrd`: what the networks thought of every voxel, for looking beyond the outline."""

from pathlib import Path

import numpy as np

from PDACScreeningLib.report.nrrd_file import write_nrrd
from PDACScreeningLib.report.segmentation_file import notice
from PDACScreeningLib.screening_result import ModelFacts
from PDACScreeningLib.volume.part import VolumePart


def write_tumor_probability(probability: VolumePart[np.float32], path: Path, model: ModelFacts | None = None) -> Path:
    """Write the mean softmax probability of the class tumor on the scan's own grid, 0 outside the searched region.

    probability: float32 in [0, 1]; it is the networks' output for a voxel, not a probability of cancer.
    Raises ValueError for another dtype, WriteError when the file did not read back as written.
    """
    if probability.values.dtype != np.float32:
        raise ValueError(f"expected float32, got {probability.values.dtype}")
    return write_nrrd(probability.planes, probability.geometry, {"PDACScreening_Notice": notice(model)}, path)
