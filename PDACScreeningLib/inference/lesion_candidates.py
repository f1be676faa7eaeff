"""The case score of the PANORAMA baseline: the confidence of the surest lesion candidate.

The definition is report_guided_annotation's `extract_lesion_candidates` with its default "dynamic-fast" threshold, on
the tumor probability in and beside the gland; the score of a case is the highest candidate's.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from PDACScreeningLib.volume.arrays import LABELS_ZYX, PROBABILITY_ZYX
from PDACScreeningLib.volume.box import bounding_box
from PDACScreeningLib.volume.label_map import Label

_SHARE_OF_HIGHEST = 2.5  # a candidate reaches down to the highest probability divided by this
_FEWER_DO_NOT_COUNT = 10  # voxels: a candidate has more
_BESIDE_VOXELS = 2  # around the gland where a candidate may lie
_TOUCHING = np.ones((3, 3, 3))


def candidate_score(tumor_probability: PROBABILITY_ZYX, labels: LABELS_ZYX) -> float:
    """In [0, 1]; 0 where there is no candidate. Arrays (z, y, x) of one grid, labels before any filter."""
    gland = bounding_box(labels)
    if gland is None:
        return 0.0
    box = gland.padded(_BESIDE_VOXELS, (labels.shape[0], labels.shape[1], labels.shape[2]))
    near = ndimage.maximum_filter((labels[box.slices] != Label.BACKGROUND).view(np.uint8), 2 * _BESIDE_VOXELS + 1)
    probability = np.where(near > 0, tumor_probability[box.slices], np.float32(0))
    candidate = (probability >= probability.max() / _SHARE_OF_HIGHEST) & (probability > 0)
    regions, count = ndimage.label(candidate, structure=_TOUCHING)
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    large = np.flatnonzero(sizes[1:] > _FEWER_DO_NOT_COUNT) + 1
    return float(np.max(ndimage.maximum(probability, regions, large))) if large.size else 0.0
