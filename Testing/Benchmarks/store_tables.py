"""Tables about case stores: bytes and pace of compressed ones beside plain arrays, and how fast a large one opens."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import benchmark_page
import numpy as np

from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.scan_files.image_io import read_label_map
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.training.case_store import CaseStore, write_case
from PDACScreeningLib.training.packed_voxels import packed_files
from PDACScreeningLib.training.store_index import StoredCase, StoreIndex, write_store_index
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import XYZ, ZYX
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.working_grid import working_grid

MANY = 10_000


@dataclass(frozen=True, eq=False)
class Sample:
    """A scan with its truth on the 1 mm grid."""

    name: str
    ct: CTVolume
    labels: np.ndarray

    @property
    def raw_bytes(self) -> int:
        """As plain arrays."""
        return self.ct.hu.nbytes + self.labels.nbytes


def samples(phantoms: int, shape: ZYX, pairs: Sequence[str]) -> list[Sample]:
    """Phantoms of a shape, 370 mm wide and 240 mm long, and scans given as CT=LABELS with labels 1 and 2."""
    found = []
    for seed in range(phantoms):
        diameter = 25.0 if seed % 2 == 0 else None
        specification = random_specification(
            1000 + seed, tumor_diameter_mm=diameter, shape=shape, spacing_mm=_spacing_mm(shape)
        )
        phantom = generate(specification)
        found.append(_sample(f"phantom {1000 + seed}", phantom.ct, phantom.labels))
    for pair in pairs:
        ct, _, labels = pair.partition("=")
        found.append(_sample(Path(ct).name, read_scan(ct).volume, read_label_map(Path(labels))))
    return found


def _spacing_mm(shape: ZYX) -> XYZ:
    return (370 / shape[2], 370 / shape[1], 240 / shape[0])


def _sample(name: str, ct: CTVolume, labels: LabelMap) -> Sample:
    grid = working_grid(ct.geometry, 1.0)
    return Sample(name, grid.to_working(ct), grid.labels_to_working(labels))


def write_samples(folder: Path, cases: Sequence[Sample], *, is_packed: bool) -> CaseStore:
    """A store of these cases."""
    stored = [
        write_case(folder, f"case-{number}", case.ct, case.labels, is_packed=is_packed)
        for number, case in enumerate(cases)
    ]
    write_store_index(folder, StoreIndex(1.0, "benchmark", tuple(stored), is_packed=is_packed))
    return CaseStore(folder)


def size_table(store: CaseStore, cases: Sequence[Sample]) -> str:
    """Bytes of each compressed case, as a share of int16 and uint8 arrays."""
    rows, sums = [], [0, 0]
    for facts, case in zip(store.index.cases, cases, strict=True):
        size = sum((store.folder / name).stat().st_size for name in packed_files(facts.case_id))
        body = facts.body
        share = "" if body is None else f"{100 * np.prod(body.shape) / case.labels.size:.0f} %"
        sums = [sums[0] + size, sums[1] + case.raw_bytes]
        grid = "x".join(str(length) for length in facts.shape[::-1])
        rows.append([case.name, grid, share, f"{case.raw_bytes / 1e6:.0f}", f"{size / 1e6:.1f}",
                     f"{100 * size / case.raw_bytes:.1f} %"])  # fmt: skip
    rows.append(["all", "", "", f"{sums[1] / 1e6:.0f}", f"{sums[0] / 1e6:.1f}", f"{100 * sums[0] / sums[1]:.1f} %"])
    header = ["", "voxels at 1 mm", "inside the body box", "raw MB", "compressed MB", "of raw"]
    return benchmark_page.table("Size of a compressed store, lossless inside the body box", header, rows)


def opening_table(folder: Path, one: StoredCase) -> str:
    """Time and memory of opening a store of many cases."""
    names = [f"case-{number:05}" for number in range(MANY)]
    folder.mkdir()
    for name in names:
        for file in packed_files(name):
            (folder / file).touch()
    cases = tuple(replace(one, case_id=name, patient_id=name, scan_sha256="0" * 64) for name in names)
    write_store_index(folder, StoreIndex(1.0, "benchmark", cases, is_packed=True))
    began = time.process_time()
    count = len(CaseStore(folder).cases)
    seconds = time.process_time() - began
    tracemalloc.start()
    _again = CaseStore(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rows = [[f"{count:,}", f"{seconds:.2f}", f"{peak / 1e6:.0f}"]]
    return benchmark_page.table("Opening a store", ["cases", "CPU seconds", "MB at most"], rows)
