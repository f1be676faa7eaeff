"""What memory a scan will need, told before its voxels are read: from its grid and the model alone."""

from __future__ import annotations

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.scan_files.memory_need import needed_gib
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.working_grid import working_grid

SOFTWARE_GIB = 0.6  # Python with PyTorch and the readers of scans; a whole phantom took 0.51 in all
_WINDOW_VOXELS = 64**3
_GIB = 2**30


def announced_gib(scan: Geometry, config: ScreeningConfig) -> float:
    """Memory of the process at its peak, at most; measured peaks were 0.5 to 1.0 of it. On a GPU it holds less."""
    from PDACScreeningLib.network.runtime import LIVE_FEATURES

    networks = LIVE_FEATURES * config.network.base_width * _WINDOW_VOXELS * 4 / _GIB
    working = working_grid(scan, config.working_spacing_mm).working
    return SOFTWARE_GIB + networks + needed_gib(scan.shape, working.shape)


def announcement(scan: Geometry, config: ScreeningConfig) -> str:
    """One sentence for whoever waits."""
    z, y, x = scan.shape
    needed_gb = announced_gib(scan, config) * _GIB / 1e9
    return f"The scan has {x} x {y} x {z} voxels; screening it takes up to about {needed_gb:.1f} GB of memory."
