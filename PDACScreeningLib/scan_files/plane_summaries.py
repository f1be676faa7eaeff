"""A volume in small: for each slice along one axis, what a comparison of slices needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TISSUE_ABOVE_HU = -500
_TILES_ACROSS = 32  # a tile is then about 1 cm wide
_MIN_TILE = 4  # voxels; fewer may be equal by chance
_LOOK_HU = (-300, 300)  # metal and the depth of air say nothing about what lies where
_MIN_TISSUE_SHARE = 1e-3  # less of a slice is a cable or noise


@dataclass(frozen=True, eq=False)
class PlaneSummaries:
    """Arrays of length n, one entry a slice; tiles are squares of each slice, (n, rows, columns)."""

    tissue: NDArray[np.float64]  # share of voxels that are no air
    keys: tuple[tuple[int, int], ...]  # equal for equal slices, mirrored ones too: sum and sum of squares
    looks: NDArray[np.float32]  # mean of each tile, between -300 and 300 HU
    constant: NDArray[np.bool_]  # tiles of one value
    tissue_tiles: NDArray[np.bool_]  # tiles whose mean is no air
    levels: NDArray[np.int16]  # smallest value of each tile

    @property
    def occupied(self) -> NDArray[np.bool_]:
        """(n,) slices that hold tissue."""
        return self.tissue > _MIN_TISSUE_SHARE


def summarize(planes: NDArray[np.int16], air_below: int = TISSUE_ABOVE_HU) -> PlaneSummaries:
    """planes: (n, rows, columns) HU; a view will do, it is read slice by slice. air_below: HU that count as air."""
    side = max(_MIN_TILE, round(min(planes.shape[1:]) / _TILES_ACROSS))
    rows, columns = (max(1, length // side) for length in planes.shape[1:])
    shape = (len(planes), rows, columns)
    tissue = np.empty(len(planes))
    keys = []
    looks, levels = np.empty(shape, np.float32), np.empty(shape, np.int16)
    constant, tissue_tiles = np.empty(shape, np.bool_), np.empty(shape, np.bool_)
    for i, view in enumerate(planes):
        plane = np.ascontiguousarray(view)
        wide = plane.astype(np.int64)
        keys.append((int(wide.sum()), int((wide * wide).sum())))
        tissue[i] = np.count_nonzero(plane > air_below) / plane.size
        tiles = _tiles(plane, side, rows, columns)
        levels[i] = tiles.min(axis=(1, 3))
        constant[i] = levels[i] == tiles.max(axis=(1, 3))
        looks[i] = np.clip(tiles, *_LOOK_HU).mean(axis=(1, 3), dtype=np.float32)
        tissue_tiles[i] = tiles.mean(axis=(1, 3), dtype=np.float32) > air_below
    return PlaneSummaries(tissue, tuple(keys), looks, constant, tissue_tiles, levels)


def _tiles(plane: NDArray[np.int16], side: int, rows: int, columns: int) -> NDArray[np.int16]:
    """(rows, side, columns, side) view; what does not fill a tile at the far edges is left out."""
    height, width = min(side, plane.shape[0]), min(side, plane.shape[1])
    return plane[: rows * height, : columns * width].reshape(rows, height, columns, width)
