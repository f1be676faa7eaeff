"""Volumes whose grid is right and whose slices are not what a scanner measured there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
from hostile_input import REFUSED, SAME, TOLD, HostileInput, Make
from numpy.typing import NDArray

from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.volume.orientation import canonical_orientation

HU = NDArray[np.int16]
SEEDS = (1, 2, 3)
PLACES = (30, 45, 60)


@cache
def phantom(seed: int) -> HU:
    made = generate(random_specification(seed, tumor_diameter_mm=30.0)).ct
    return canonical_orientation(made.geometry).to_canonical(made.hu)


def of_volume(seed: int, spoil: Callable[[HU], HU], *, distance_mm: float = 2.5) -> Make:
    def make(folder: Path) -> Path:
        hu = spoil(phantom(seed).copy())
        nibabel.save(
            nibabel.Nifti1Image(hu.transpose(2, 1, 0), np.diag([-2.5, -2.5, distance_mm, 1.0])), folder / "ct.nii"
        )
        return folder / "ct.nii"

    return make


def filled(place: int, count: int, value_of: Callable[[HU, int], object]) -> Callable[[HU], HU]:
    def spoil(hu: HU) -> HU:
        whole = hu.copy()
        for z in range(place, place + count):
            hu[z] = value_of(whole, z)
        return hu

    return spoil


def _noise(level: int) -> Callable[[HU, int], object]:
    return lambda hu, z: np.random.default_rng(z).integers(level - 15, level + 15, hu[z].shape)


def _between(place: int, count: int) -> Callable[[HU, int], object]:
    def value(hu: HU, z: int) -> object:
        share = (z - place + 1) / (count + 1)
        return np.rint((1 - share) * hu[place - 1] + share * hu[place + count])

    return value


def _part(value: int, share: float) -> Callable[[HU, int], object]:
    def spoiled(hu: HU, z: int) -> object:
        plane = hu[z].copy()
        plane[int((1 - share) * len(plane)) :] = value
        return plane

    return spoiled


def _local(place: int) -> Iterator[tuple[str, Callable[[HU], HU]]]:
    """Ways to spoil slices from `place` on."""
    for count in (1, 3, 10):
        for value in (-1024, -1000, 0, 40, -100):
            yield f"{count} slices of {value}", filled(place, count, lambda hu, z, value=value: value)
        yield f"{count} slices of noisy air", filled(place, count, _noise(-1000))
        yield f"{count} copies of the slice before", filled(place, count, lambda hu, z: hu[place - 1])
        yield f"{count} mirrored copies", filled(place, count, lambda hu, z: hu[z - 12, :, ::-1])
        yield f"{count} means", filled(place, count, _between(place, count))
        yield f"{count} half of air", filled(place, count, _part(-1024, 0.5))
        yield f"{count} a third of water", filled(place, count, _part(0, 0.4))
        yield f"{count} mirrored", filled(place, count, lambda hu, z: hu[z, :, ::-1])
        yield f"{count} upside down", filled(place, count, lambda hu, z: hu[z, ::-1])
    yield "eight backwards", filled(place, 8, lambda hu, z: hu[2 * place + 7 - z])
    yield "exchanged", lambda hu: hu[_exchanged(len(hu), place, place + 5)]
    yield "exchanged neighbors", lambda hu: hu[_exchanged(len(hu), place, place + 1)]
    yield "one 200 HU higher", filled(place, 1, lambda hu, z: hu[z] + 200)
    yield "the rest mirrored", filled(place, 96 - place - 1, lambda hu, z: hu[z, :, ::-1])


def _exchanged(count: int, one: int, other: int) -> NDArray[np.intp]:
    order = np.arange(count)
    order[[one, other]] = other, one
    return order


def _brighter(hu: HU, amount: int) -> HU:
    return np.where((hu > 20) & (hu < 150), hu + amount, hu).astype(np.int16)


def _in_turns(other: HU, hu: HU) -> HU:
    hu[1::2] = other[1::2]
    return hu


def _throughout() -> Iterator[tuple[str, Callable[[HU], HU]]]:
    for amount in (30, 50, 80, 120):
        yield f"{amount} HU more in turns", lambda hu, amount=amount: _in_turns(_brighter(hu, amount), hu)
    for voxels in (1, 2, 4):
        yield f"{voxels} voxels aside in turns", lambda hu, voxels=voxels: _in_turns(np.roll(hu, voxels, axis=2), hu)
    yield "names sorted as words", lambda hu: hu[sorted(range(len(hu)), key=str)]
    yield "even, then odd", lambda hu: np.concatenate([hu[::2], hu[1::2]])
    yield "half twice", lambda hu: np.concatenate([hu[:48], hu[:48]])
    yield "half twice, backwards", lambda hu: np.concatenate([hu[:48], hu[47::-1]])
    for seed in range(5):
        yield f"chance order {seed}", lambda hu, seed=seed: np.random.default_rng(seed).permutation(hu)


def spoiled_content() -> Iterator[HostileInput]:
    for seed in SEEDS:
        for name, spoil in _throughout():
            yield HostileInput("content", f"phantom {seed}, {name}", of_volume(seed, spoil), REFUSED)
        for place in PLACES:
            for name, spoil in _local(place):
                yield HostileInput(
                    "content", f"phantom {seed} at {place}, {name}", of_volume(seed, spoil), REFUSED | TOLD
                )
            make = of_volume(seed, lambda hu, place=place: np.delete(hu, range(place, place + 10), axis=0))
            seen = REFUSED | TOLD | {"silent"}  # where the lungs begin, steps are as large by nature (ADR 0030)
            yield HostileInput("slices cut out, not always seen", f"phantom {seed} at {place}", make, seen)
        for step in (1, 2, 3):
            make = of_volume(seed, lambda hu, step=step: hu[::step], distance_mm=2.5 * step)
            yield HostileInput("content that is whole", f"phantom {seed}, step {step}", make, SAME | TOLD | {"silent"})
