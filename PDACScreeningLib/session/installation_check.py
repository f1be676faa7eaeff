"""A screening of about ten seconds with a known answer, to tell whether an installation works.

First the method runs with networks that are thresholds on Hounsfield units, so that the right answer is known by
pencil; then small random networks run on the device, where two runs must agree with each other and with the processor
(to the bit on processors; some kernels of a GPU add in an order that varies); last, the result files are written and
read back.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from PDACScreeningLib.config import HUWindow, NetworkSpec, ScreeningConfig
from PDACScreeningLib.inference.screening import ScreenedVolume, screen
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.outcome_of_error import sentence
from PDACScreeningLib.session.result_folder import RESULT_FILES
from PDACScreeningLib.session.stored_result import read_result
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry

CONFIG = ScreeningConfig(network=NetworkSpec(base_width=2), working_spacing_mm=None)
TUMOR_VOXELS = 10 * 10 * 10
PANCREAS_VOXELS = 20 * 20 * 40 - TUMOR_VOXELS

_BODY_HU, _PANCREAS_HU, _TUMOR_HU = 0, 100, 200
_LARGEST_DEVICE_DIFFERENCE = 0.02  # of a probability; bfloat16 keeps 8 bits
_SHAPE = (64, 72, 80)
Answers = list[NDArray[np.float32]]  # of each network


@dataclass(frozen=True)
class Step:
    """One step of the self-test, in words."""

    name: str
    passed: bool
    seconds: float
    detail: str


def installation_check(device: str) -> list[Step]:
    """Run every step, whatever happened to the one before. device: as for `--device`. Raises nothing but a cancel."""
    return [
        _step("method", _check_method),
        _step("networks", lambda: _check_networks(device)),
        _step("files", _check_files),
    ]


def _step(name: str, check: Callable[[], str]) -> Step:
    started = time.monotonic()
    try:
        passed, detail = True, check()
    except Exception as error:
        passed, detail = False, str(error) if isinstance(error, _Wrong) else sentence(error)
    return Step(name, passed, round(time.monotonic() - started, 2), detail)


class _Wrong(Exception):
    """A step had another result than the known one."""


def _check_method() -> str:
    screened = _screen_with_thresholds()
    found = (screened.screening.outcome, screened.screening.tumor_voxels, screened.screening.pancreas_voxels)
    if found != (Outcome.SUSPICIOUS, TUMOR_VOXELS, PANCREAS_VOXELS):
        raise _Wrong(f"expected SUSPICIOUS, {TUMOR_VOXELS} tumor and {PANCREAS_VOXELS} pancreas voxels, got {found}")
    return f"found the {TUMOR_VOXELS} tumor voxels of a test volume"


def _check_networks(device: str) -> str:
    import torch

    from PDACScreeningLib.network.runtime import Runtime, resolve_device
    from PDACScreeningLib.network.segmentation_network import SegmentationNetwork
    from PDACScreeningLib.network.window_predictor import WindowPredictor

    runtime = resolve_device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = {scale.patch_size: SegmentationNetwork(scale, CONFIG.network) for scale in CONFIG.scales}
    windows = {size: stream(0, "self-test", size).normal(size=(2, size, size, size)).astype("f4") for size in networks}

    def answers(where: Runtime) -> Answers:
        return [WindowPredictor(network, where)(windows[size]) for size, network in networks.items()]

    exact, first, second = answers(Runtime("cpu", "fp32")), answers(runtime), answers(runtime)
    difference = _largest_difference(exact, first)
    if not difference <= _LARGEST_DEVICE_DIFFERENCE:
        raise _Wrong(f"{runtime.description} differs from the processor by {difference:.3f} in probability")
    apart = _largest_difference(first, second)
    if not apart <= largest_between_two_answers(runtime.device):
        raise _Wrong(f"{runtime.description} answers differently when asked twice, by {apart:.3f} in probability")
    return f"{runtime.description} ({runtime.precision}) agrees with the processor to {difference:.0e} in probability"


def largest_between_two_answers(device: str) -> float:
    """How far two answers of a device to the same windows may lie apart in probability: on processors not at all.

    On a GPU some kernels, those of the deconvolution among them, add in an order that varies from call to call.
    """
    return 0.0 if device == "cpu" else _LARGEST_DEVICE_DIFFERENCE


def _largest_difference(ones: Answers, others: Answers) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(ones, others, strict=True))


def _check_files() -> str:
    ct, screened = _test_volume(), _screen_with_thresholds()
    answer = Answer(screened.screening, ct, screened.label_map, screened.probability)
    with tempfile.TemporaryDirectory() as folder:
        again = read_result(answer.save(Path(folder) / "result"))
    if again.label_map is None or again.probability is None:
        raise _Wrong("labels or tumor probability were not written")
    return f"wrote and read back {', '.join(RESULT_FILES)}"


def _test_volume() -> CTVolume:
    """A body in air, in it a pancreas of 20 x 20 x 40 voxels, and in that a tumor of 10 x 10 x 10."""
    hu = np.full(_SHAPE, AIR_HU, np.int16)
    hu[4:-4, 4:-4, 4:-4] = _BODY_HU
    hu[20:40, 24:44, 20:60] = _PANCREAS_HU
    hu[25:35, 29:39, 30:40] = _TUMOR_HU
    return CTVolume(hu, Geometry(_SHAPE, (1.0, 1.0, 1.0)))


def _screen_with_thresholds() -> ScreenedVolume:
    networks = {scale.patch_size: _Thresholds(CONFIG.intensity) for scale in CONFIG.scales}
    return screen(_test_volume(), networks, CONFIG)


@dataclass(frozen=True)
class _Thresholds:
    """A network whose answer is certain: it reads the tissue off the Hounsfield units."""

    intensity: HUWindow
    batch_size: int = 32

    def __call__(self, windows: NDArray[np.float32], /) -> NDArray[np.float32]:
        hu = windows * self.intensity.std_hu + self.intensity.mean_hu
        tumor = hu > (_PANCREAS_HU + _TUMOR_HU) / 2
        pancreas = (hu > (_BODY_HU + _PANCREAS_HU) / 2) & ~tumor
        return np.stack([~(pancreas | tumor), pancreas, tumor], axis=1).astype(np.float32)
