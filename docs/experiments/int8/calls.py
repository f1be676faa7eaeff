"""Does int8 change a call? `calls.py COHORT STORE CSV [SCANS]` reads COHORT with the demo model, both ways.

COHORT: phantoms with their cohort.json; the first SCANS of them are read. STORE: other phantoms, that int8 is
calibrated on. Both formats go through the library's fast protocol; where the count lies near the rule, float32 answers
instead, as in the library (ADR 0026). Writes a line a scan and format to CSV, goes on from there when it is called
again, and prints what the README beside this file tells. What needs to be installed: see `openvino_network.py`.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino_network import OpenVINONetwork, calibration_patches, converted, quantized

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.evaluation.case_result import dice
from PDACScreeningLib.inference.coarse_to_fine import is_near_the_rule
from PDACScreeningLib.inference.screening import ScreenedVolume, screen
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_directory import Model, load_model
from PDACScreeningLib.network.runtime import Runtime, use_threads
from PDACScreeningLib.network.window_predictor import window_predictors
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import Label

MODEL = "demo-phantom"
CALIBRATION = 300  # patches of each size
FORMATS = ("bf16", "int8")
Networks = Mapping[int, WindowNetwork]


@dataclass(frozen=True)
class Reading:
    """One scan in one number format. alone: what it says before float32 decides near the rule."""

    case: str
    has_tumor: bool
    number_format: str
    outcome: str
    rule_call: str  # what K alone says; "" without a pancreas
    tumor_voxels: int  # on the working grid, as the rule counts them; -1: no pancreas found
    in_full: bool  # whether float32 decided
    alone_rule_call: str
    alone_tumor_voxels: int
    gland_dice: float  # pancreas and tumor, alone, with those of the first format; -1: nothing in either
    tumor_dice: float
    processor_s: float  # alone


def main(cohort: Path, store: Path, path: Path, scans: int | None) -> None:
    """Read what has not been read, then tell."""
    use_threads(1)
    model = load_model(find_model(MODEL).folder)
    networks: dict[str, Networks] = {
        "bf16": window_predictors(model, Runtime("cpu", "bf16")),
        "fp32": window_predictors(model, Runtime("cpu", "fp32")),
        "int8": int8_networks(model, store),
    }
    readings = read(path) if path.exists() else []
    known = {reading.case for reading in readings}
    cases = json.loads((cohort / "cohort.json").read_text(encoding="utf-8"))["cases"]
    cases.sort(key=lambda case: not case["has_tumor"])  # those first in which a call can be lost
    for case in cases[:scans]:
        if case["id"] not in known:
            ct = read_scan(cohort / case["id"] / "ct.nii.gz").volume
            readings += readings_of(case["id"], case["has_tumor"], ct, networks, model.config)
            write(readings, path)
    tell(readings)


def int8_networks(model: Model, store: Path) -> Networks:
    """The networks of a model in OpenVINO's int8, by patch size."""
    cases = CaseStore(store).cases
    networks: dict[int, WindowNetwork] = {}
    for size, network in model.networks.items():
        patches = calibration_patches(cases, size, CALIBRATION, model.config.intensity)
        networks[size] = OpenVINONetwork(quantized(converted(network.eval()), patches), size, "int8")
    return networks


def readings_of(
    case_id: str, has_tumor: bool, ct: CTVolume, networks: Mapping[str, Networks], config: ScreeningConfig
) -> list[Reading]:
    """A scan in both formats. float32 is asked once: its answer does not depend on who asked."""
    alone: list[ScreenedVolume] = []
    seconds: list[float] = []
    for name in FORMATS:
        began = time.process_time()
        alone.append(screen(ct, networks[name], config, protocol="fast"))
        seconds.append(round(time.process_time() - began, 2))
    near = [is_near_the_rule(answer.segmentation, config) for answer in alone]
    in_full = screen(ct, networks["fp32"], config, protocol="fast") if any(near) else None
    labels = [labels_of(answer) for answer in alone]
    readings: list[Reading] = []
    for place, name in enumerate(FORMATS):
        final = in_full if near[place] and in_full is not None else alone[place]
        readings.append(
            Reading(
                case=case_id,
                has_tumor=has_tumor,
                number_format=name,
                outcome=final.screening.outcome.value,
                rule_call=rule_call(final),
                tumor_voxels=tumor_voxels(final),
                in_full=near[place],
                alone_rule_call=rule_call(alone[place]),
                alone_tumor_voxels=tumor_voxels(alone[place]),
                gland_dice=agreement(labels[place] != Label.BACKGROUND, labels[0] != Label.BACKGROUND),
                tumor_dice=agreement(labels[place] == Label.TUMOR, labels[0] == Label.TUMOR),
                processor_s=seconds[place],
            )
        )
    return readings


def rule_call(answer: ScreenedVolume) -> str:
    """What K alone says; "" when there is no pancreas to judge."""
    call = answer.screening.rule_call
    return "" if call is None else call.value


def tumor_voxels(answer: ScreenedVolume) -> int:
    """On the working grid, as the rule counts them."""
    segmentation = answer.segmentation
    return -1 if segmentation is None else int(np.count_nonzero(segmentation.labels == Label.TUMOR))


def labels_of(answer: ScreenedVolume) -> NDArray[np.uint8]:
    """(z, y, x) of the working grid; all background when no pancreas was found."""
    if answer.segmentation is None:
        return np.zeros(answer.grid.working.shape, np.uint8)
    return answer.segmentation.labels


def agreement(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """Dice, -1 where both are empty."""
    value = dice(found, reference)
    return -1.0 if value is None else round(value, 4)


def tell(readings: list[Reading]) -> None:
    """Everything that the README says of these scans."""
    bf16, int8 = ([reading for reading in readings if reading.number_format == name] for name in FORMATS)
    pairs = list(zip(bf16, int8, strict=True))
    say(f"{len(pairs)} scans, {sum(reading.has_tumor for reading in bf16)} with a tumor")
    for name, own in zip(FORMATS, (bf16, int8), strict=True):
        called = [reading.has_tumor for reading in own if reading.rule_call == Outcome.SUSPICIOUS]
        in_full = sum(reading.in_full for reading in own)
        say(f"{name}: {sum(called)} tumors called, {called.count(False)} false alarms, {in_full} decided by float32")
    for what in ("outcome", "rule_call", "alone_rule_call", "tumor_voxels", "alone_tumor_voxels"):
        changed = [pair for pair in pairs if getattr(pair[0], what) != getattr(pair[1], what)]
        say(f"{what} changed: {len(changed)}")
        if not what.endswith("voxels"):
            for reading in itertools.chain(*changed):
                say(f"  {reading}")
    counts = [(b.alone_tumor_voxels, a.alone_tumor_voxels) for a, b in pairs]
    say_spread("tumor voxels int8 / bf16, alone, where both have some", [b / a for b, a in counts if min(a, b) > 0])
    for tissue in ("gland", "tumor"):
        dices = [getattr(reading, f"{tissue}_dice") for reading in int8]
        say_spread(f"{tissue}, Dice of int8 with bf16", [value for value in dices if value >= 0])
    ratio = sum(reading.processor_s for reading in bf16) / sum(reading.processor_s for reading in int8)
    say(f"processor seconds bf16 / int8, whole scans, width of the demo model: {ratio:.2f}")


def say_spread(what: str, values: list[float]) -> None:
    """Least, tenth percentile, median, ninetieth, greatest."""
    if values:
        spread = ", ".join(f"{value:.4f}" for value in np.quantile(values, (0, 0.1, 0.5, 0.9, 1)))
        say(f"{what}: {spread} ({len(values)})")


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(f"{line}\n")


def write(readings: list[Reading], path: Path) -> None:
    """A line a scan and format."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Reading)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(reading) for reading in readings)


def read(path: Path) -> list[Reading]:
    """What was written."""
    kinds: dict[str, Callable[[str], Any]] = {
        "str": str,
        "int": int,
        "float": float,
        "bool": lambda word: word == str(True),
    }
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Reading(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(Reading)})
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    cohort_of_phantoms, store_of_others, table = map(Path, sys.argv[1:4])
    main(cohort_of_phantoms, store_of_others, table, int(sys.argv[4]) if sys.argv[4:] else None)
