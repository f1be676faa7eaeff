"""How bright tissue is, in HU, by contrast phase."""

from __future__ import annotations

from dataclasses import dataclass

from PDACScreeningLib.seeding import stream


@dataclass(frozen=True)
class Attenuation:
    """Mean HU of tissues in one person."""

    liver: float
    spleen: float
    renal_cortex: float
    renal_medulla: float
    artery: float
    vein: float
    pancreas: float
    bowel_wall: float
    muscle: float
    fat: float


def attenuation(seed: int, phase: float) -> Attenuation:
    """Tissue HU of a person (seed) at a phase: 0 without contrast, 1 portal venous."""
    rng = stream(seed, "phantom/attenuation")

    def enhanced(native_hu: float, gain_hu: float, spread_hu: float) -> float:
        return native_hu + phase * float(rng.normal(gain_hu, spread_hu))

    cortex = enhanced(35, 150, 15)
    return Attenuation(
        liver=enhanced(55, 55, 8),
        spleen=enhanced(45, 75, 8),
        renal_cortex=cortex,
        renal_medulla=cortex - 35 * phase,
        artery=enhanced(42, 110, 15),
        vein=enhanced(42, 120, 15),
        pancreas=enhanced(42, 58, 9),
        bowel_wall=enhanced(40, 45, 9),
        muscle=float(rng.normal(58, 4)),
        fat=float(rng.normal(-103, 4)),
    )
