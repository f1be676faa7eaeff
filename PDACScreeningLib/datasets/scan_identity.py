"""Telling that two files hold the same scan, so that it is not trained on under one name and tested under another."""

from __future__ import annotations

import hashlib

import numpy as np

from PDACScreeningLib.volume.arrays import HU_ZYX
from PDACScreeningLib.volume.ct_volume import AIR_HU

_INT16_MAX = int(np.iinfo(np.int16).max)


def scan_sha256(hu: HU_ZYX) -> str:
    """SHA-256 of how often each Hounsfield unit occurs, and of the lengths of the axes in order of size.

    hu: (z, y, x) int16 as read. The same for one scan however its axes are stored or named, because public data sets
    share scans in different orientations; different for another crop or spacing. Padding below -1024 HU counts as air.
    """
    counts = np.zeros(_INT16_MAX - AIR_HU + 1, np.int64)
    for plane in hu:
        counts += np.bincount((np.maximum(plane, AIR_HU).astype(np.intp) - AIR_HU).ravel(), minlength=counts.size)
    digest = hashlib.sha256(str(sorted(hu.shape)).encode())
    digest.update(counts.astype("<i8").tobytes())
    return digest.hexdigest()
