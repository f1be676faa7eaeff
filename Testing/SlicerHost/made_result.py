"""A scan with pancreas and two tumors, and the result folder of a screening of it, made without weights.

Tests of what comes after a screening answer from this folder, so that they need not wait for torch.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fake_network import DecodingNetwork, coded
from sample_screenings import MODEL, PROVENANCE

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.scan_files.image_io import write_volume
from PDACScreeningLib.screening_result import InputFacts, ModelFacts, Screening
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.stored_result import read_screening
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

GEOMETRY = Geometry((24, 40, 40), (4.0, 4.0, 4.0), (-78.0, -60.0, 30.0))
LARGE, SMALL = np.s_[8:14, 10:16, 10:16], np.s_[10:14, 20:24, 26:31]  # 216 and 80 voxels, both above K = 50


@dataclass(frozen=True)
class MadeResult:
    """A scan file, the result folder of its screening, and what the screening says."""

    scan: Path
    folder: Path
    screening: Screening


def make_result(folder: Path, model: ModelFacts = MODEL) -> MadeResult:
    """Screen a scan whose voxels tell their label, on its native grid, and write everything into a folder."""
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[6:18, 8:26, 8:34] = Label.PANCREAS
    labels[LARGE], labels[SMALL] = Label.TUMOR, Label.TUMOR
    ct, config = coded(labels, GEOMETRY), ScreeningConfig(working_spacing_mm=None)
    screened = screen(ct, {scale.patch_size: DecodingNetwork() for scale in config.scales}, config)
    facts = InputFacts(
        kind="NRRD",
        shape_zyx=GEOMETRY.shape,
        spacing_mm_xyz=GEOMETRY.spacing_mm,
        origin_lps_mm=GEOMETRY.origin_mm,
        direction=GEOMETRY.direction,
        voxels_sha256=voxels_sha256(ct.hu),
        hu_range=(int(ct.hu.min()), int(ct.hu.max())),
    )
    screening = replace(screened.screening, model=model, input=facts, provenance=PROVENANCE)
    answer = Answer(screening, ct, screened.label_map, screened.probability, network_labels=screened.network_labels)
    result = answer.save(folder / "result")
    return MadeResult(write_volume(ct.hu, GEOMETRY, folder / "scan.nrrd"), result, read_screening(result))
