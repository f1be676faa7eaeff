"""The great vessels and the branches around the pancreas. Positions (x, y, z) in LPS mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from PDACScreeningLib.phantom.lattice import Floats, Lattice, Point
from PDACScreeningLib.phantom.random_field import random_field
from PDACScreeningLib.phantom.signed_distance import ENDLESS, ellipsoid, tube, union
from PDACScreeningLib.seeding import stream

_AORTA_XY = (12.0, -32.0)
_CAVA_XY = (-22.0, -30.0)


@dataclass(frozen=True, eq=False)
class GreatVessels:
    """Signed distances (z, y, x) in mm. `wall` also forbids the space behind the superior mesenteric artery."""

    aorta: Floats
    cava: Floats
    arteries: Floats
    wall: Floats


def great_vessels(lattice: Lattice, seed: int, confluence: Point, gland_line: Sequence[Point]) -> GreatVessels:
    """Aorta, inferior vena cava, celiac trunk with splenic and hepatic artery, superior mesenteric artery.

    confluence: where splenic and superior mesenteric vein meet; gland_line: control points of the gland, head first.
    """
    rng = stream(seed, "phantom/vessels")
    x, y = _AORTA_XY
    radius = rng.uniform(8.5, 11)
    aorta = tube(
        lattice,
        [(x, y, -230), (x, y, -60), (x - 2, y + 1, 0), (x - 5, y + 3, 70), (x - 5, y + 5, 230)],
        [radius - 1, radius - 1, radius, radius, radius],
    )
    cava = ellipsoid(lattice, (*_CAVA_XY, 0), (12.5, 9.5, ENDLESS)) + 1.2 * random_field(seed, "vessels/cava", 14).on(
        lattice
    )
    front = min(confluence[1] + 9, y - 14)
    origin = float(np.clip(confluence[2] + rng.uniform(0, 14), -14, 26))
    mesenteric = [
        (x - 2, y - 8, origin),
        (x - 4, front, origin - 14),
        (confluence[0] + 12, front - 3, confluence[2] - 40),
        (confluence[0] + 9, front - 8, -130),
    ]
    superior = tube(lattice, mesenteric, [4.0, 3.8, 3.6, 3.0]).distance
    celiac_end = (x - 3, y - 24, origin + 20)
    celiac = tube(lattice, [(x - 2, y - 8, origin + 16), celiac_end], [4.0, 3.4]).distance
    tail, body = gland_line[-1], gland_line[-2]
    splenic = tube(
        lattice,
        [
            celiac_end,
            (body[0], body[1] + 4, body[2] + 13),
            (tail[0] - 4, tail[1] + 4, tail[2] + 12),
            (tail[0] + 18, tail[1] + 10, tail[2] + 10),
        ],
        [2.8, 2.5, 2.3, 2.0],
    ).distance
    hepatic = tube(
        lattice, [celiac_end, (-20, y - 36, origin + 24), (-40, y - 44, origin + 34)], [2.8, 2.5, 2.2]
    ).distance
    behind = _behind(lattice, mesenteric)
    arteries = union(superior, celiac, splenic, hepatic)
    return GreatVessels(aorta.distance, cava, arteries, union(aorta.distance, cava, superior, celiac, behind))


def _behind(lattice: Lattice, line: Sequence[Point]) -> Floats:
    """A sheet from the superior mesenteric artery back to the aorta, so that no tumor closes around it."""
    parts = [
        tube(lattice, [(x, y + back, z) for x, y, z in line], [3.0] * len(line), reach_mm=12).distance
        for back in (4, 8, 12, 16)
    ]
    return union(*parts)


def portal_veins(
    lattice: Lattice, seed: int, confluence: Point, gland_line: Sequence[Point], gland_radii: Sequence[float]
) -> Floats:
    """Superior mesenteric, splenic and portal vein; the splenic vein runs along the back of body and tail."""
    rng = stream(seed, "phantom/portal veins")
    x, y, z = confluence
    mesenteric = [
        (x + 2, y + 2, -140),
        (x, y - 1, z - 60),
        (x, y, z - 22),
        confluence,
        (x - 20, y - 4, z + 22),
        (-48, y - 14, z + 46),
    ]
    trunk = tube(lattice, mesenteric, [4.5, 5, 5.8, 6.6, 6.6, 6.0]).distance
    behind = [
        (px, py + 0.95 * radius + 2.5, pz + float(rng.normal(1, 2)))
        for (px, py, pz), radius in zip(gland_line[2:], gland_radii[2:], strict=True)
    ]
    hilum = (behind[-1][0] + 16, behind[-1][1] + 4, behind[-1][2] + 8)
    splenic = tube(lattice, [confluence, *behind, hilum], [5.0, 4.0, 3.7, 3.4, 3.0]).distance
    return union(trunk, splenic)


def splenic_bed(gland_line: Sequence[Point]) -> Point:
    """Just lateral of the tail, where the spleen is reached."""
    x, y, z = gland_line[-1]
    return (x + 24, y + 10, z + 10)
