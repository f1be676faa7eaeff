"""What int8 does to each network of the demo model: `patches.py STORE` compares with float32 on patches.

STORE: phantoms; the first nine tenths calibrate, the others are looked at. How biases are to be treated was chosen by
this, before the phantoms of `calls.py` were read that way. What needs to be installed: see `openvino_network.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from openvino_network import OpenVINONetwork, calibration_patches, converted, quantized

from PDACScreeningLib.evaluation.case_result import dice
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_directory import load_model
from PDACScreeningLib.network.runtime import Runtime, use_threads
from PDACScreeningLib.network.window_predictor import WindowPredictor
from PDACScreeningLib.training.case_store import CaseStore
from PDACScreeningLib.volume.label_map import Label

MODEL = "demo-phantom"
CALIBRATION, LOOKED_AT = {64: 24, 32: 120, 16: 300}, {64: 12, 32: 96, 16: 384}
BIASES: Final = ("as they are", "fast", "accurate")


def main(store: Path) -> None:
    """One row for each network and way."""
    use_threads(1)
    model, cases = load_model(find_model(MODEL).folder), CaseStore(store).cases
    calibrating = len(cases) * 9 // 10
    say("| network | | mean difference of a probability | tumor voxels | Dice, tumor | Dice, pancreas |")
    say("|---|---|---|---|---|---|")
    for size, network in model.networks.items():
        patches = calibration_patches(cases[:calibrating], size, CALIBRATION[size], model.config.intensity)
        windows = calibration_patches(cases[calibrating:], size, LOOKED_AT[size], model.config.intensity)
        exact = WindowPredictor(network.eval(), Runtime("cpu", "fp32"))(windows)
        say(f"| {size}^3 | bf16 | {beside(WindowPredictor(network, Runtime('cpu', 'bf16'))(windows), exact)} |")
        for biases in BIASES:
            in_int8 = OpenVINONetwork(quantized(converted(network), patches, biases), size, "int8")
            say(f"| {size}^3 | int8, biases {biases} | {beside(answers(in_int8, windows), exact)} |")


def answers(network: WindowNetwork, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (n, 3, z, y, x), batch by batch."""
    step = network.batch_size
    return np.concatenate([network(windows[first : first + step]) for first in range(0, len(windows), step)])


def beside(found: NDArray[np.float32], exact: NDArray[np.float32]) -> str:
    """Cells of the table: (n, 3, z, y, x) probabilities, and the most likely labels that follow."""
    labels, truth = found.argmax(1), exact.argmax(1)
    dices = (dice(labels == label, truth == label) for label in (Label.TUMOR, Label.PANCREAS))
    tumor = f"{np.count_nonzero(labels == Label.TUMOR)} of {np.count_nonzero(truth == Label.TUMOR)}"
    cells = [
        f"{np.abs(found - exact).mean():.5f}",
        tumor,
        *("" if value is None else f"{value:.3f}" for value in dices),
    ]
    return " | ".join(cells)


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
