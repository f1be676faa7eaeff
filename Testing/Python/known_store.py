"""A store of scans whose answer an nnU-Net of `nnunet_thresholds` knows beforehand."""

import numpy as np
from nnunet_thresholds import known_scan
from small_store import SPACING_MM, store_case

from PDACScreeningLib.training.store_index import write_index
from PDACScreeningLib.volume.label_map import Label


def write_known_store(folder, sides=(6, 0, 7, 0)):
    """A scan for each side of a cubic tumor in voxels; 0: without one."""
    stored = []
    for number, side in enumerate(sides):
        ct = known_scan((side,) * 3)
        labels = np.where(ct.hu > 150, Label.TUMOR, np.where(ct.hu > 50, Label.PANCREAS, 0)).astype(np.uint8)
        stored.append(store_case(folder, f"case-{number}", ct.hu, labels))
    write_index(folder, SPACING_MM, "known scans", stored)
