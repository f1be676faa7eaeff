"""What the scans were like that a model learned from, so that one unlike them is told as such (ADR 0029)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from PDACScreeningLib.meaning import Checked, Meaning
from PDACScreeningLib.volume.arrays import HU_ZYX, LABELS_ZYX
from PDACScreeningLib.volume.geometry import XYZ
from PDACScreeningLib.volume.label_map import Label

UNLIKE = "Unlike the scans this model was trained on"
ROOM_HU = 10.0  # ours: beyond the brightest and darkest gland of the training
ROOM_SHARE = 0.2  # ours: beyond the strongest and weakest noise, and the coarsest voxels
_LEAST_PAIRS = 100  # ours: neighbors in a gland from which its noise can be told
_SIGMA_OF_MAD = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


@dataclass(frozen=True)
class ScanTraits:
    """What can be measured of any scan whose gland was segmented. None: not known.

    gland_hu: median of the pancreas outside the tumor. noise_hu: standard deviation of the noise there, on the grid the
    networks see. coarsest_mm: the longest edge of a voxel of the scan's own grid, usually the distance of slices.
    """

    gland_hu: float | None
    noise_hu: float | None
    coarsest_mm: float | None


def scan_traits(labels: LABELS_ZYX, hu: HU_ZYX, native_spacing_mm: XYZ | None) -> ScanTraits:
    """Measure a scan. labels, hu: (z, y, x) of the working grid, or of a part of it that holds the gland.

    The noise is that of the differences of neighbors along x, of which half lie within 0.67 standard deviations: edges
    and vessels do not count. Without pancreas nothing of the gland is known.
    """
    gland = labels == Label.PANCREAS
    pairs = gland[..., 1:] & gland[..., :-1]
    steps = (hu[..., 1:][pairs].astype(np.float64) - hu[..., :-1][pairs]) if pairs.any() else np.zeros(0)
    noise = None
    if steps.size >= _LEAST_PAIRS:
        noise = _SIGMA_OF_MAD * float(np.median(np.abs(steps - np.median(steps)))) / 2**0.5
    return ScanTraits(
        gland_hu=float(np.median(hu[gland])) if gland.any() else None,
        noise_hu=noise,
        coarsest_mm=None if native_spacing_mm is None else max(native_spacing_mm),
    )


@dataclass(frozen=True)
class TrainingRange(Checked):
    """The least and the most of what the training scans had."""

    scans: Annotated[int, Meaning("How many training scans were measured.", minimum=1)]
    gland_hu: Annotated[
        tuple[float, float], Meaning("Median Hounsfield units of the pancreas: the darkest scan's, the brightest's.")
    ]
    noise_hu: Annotated[
        tuple[float, float],
        Meaning("Standard deviation of the noise in the pancreas, HU: the least and the most.", minimum=0),
    ]
    coarsest_mm: Annotated[
        float | None,
        Meaning("The longest voxel edge of any training scan in millimeters; null where that is not known.", above=0),
    ] = None

    @property
    def words(self) -> str:
        """One line for a list of facts."""
        low, high = self.gland_hu
        weak, strong = self.noise_hu
        size = "a size that is not known" if self.coarsest_mm is None else f"{self.coarsest_mm:.3g} mm at most"
        return (
            f"{self.scans} with a pancreas of {low:.0f} to {high:.0f} HU, noise of {weak:.0f} to {strong:.0f} HU, "
            f"voxels of {size}"
        )

    def unlike(self, scan: ScanTraits) -> str:
        """What of a scan lies outside, in one sentence; empty when nothing does or nothing is known.

        Finer voxels than those of the training are not outside: the working grid averages them.
        """
        found = (
            _outside("a pancreas of {:.0f} HU", scan.gland_hu, self.gland_hu, (ROOM_HU, ROOM_HU)),
            _outside("noise of {:.0f} HU", scan.noise_hu, self.noise_hu, [ROOM_SHARE * hu for hu in self.noise_hu]),
            self._coarser(scan.coarsest_mm),
        )
        said = [words for words in found if words]
        return f"{UNLIKE}, this one has {', '.join(said)}: how well it works there is not known." if said else ""

    def _coarser(self, coarsest_mm: float | None) -> str:
        seen = self.coarsest_mm
        if coarsest_mm is None or seen is None or coarsest_mm <= (1 + ROOM_SHARE) * seen:
            return ""
        return f"voxels of {coarsest_mm:.3g} mm ({seen:.3g} mm at most there)"


def training_range(scans: Iterable[ScanTraits]) -> TrainingRange | None:
    """The range of scans; None where no gland or no noise could be measured."""
    found = tuple(scans)
    gland, noise, coarsest = (
        [value for value in (getattr(scan, name) for scan in found) if value is not None]
        for name in ("gland_hu", "noise_hu", "coarsest_mm")
    )
    if not gland or not noise:
        return None
    return TrainingRange(
        scans=len(found),
        gland_hu=(round(min(gland), 1), round(max(gland), 1)),
        noise_hu=(round(min(noise), 1), round(max(noise), 1)),
        coarsest_mm=round(max(coarsest), 3) if len(coarsest) == len(found) else None,
    )


def _outside(words: str, value: float | None, seen: tuple[float, float], room: Sequence[float]) -> str:
    low, high = seen
    if value is None or low - room[0] <= value <= high + room[1]:
        return ""
    return f"{words.format(value)} ({low:.0f} to {high:.0f} HU there)"
