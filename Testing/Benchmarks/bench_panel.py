"""How long the panel keeps Slicer waiting with a large CT, and how much memory a result takes.

The module runs in the host of Testing/SlicerHost: real MRML, no rendering. The child answers with a result made
before, so that what is measured is the work of Slicer's own process: a click on Screen, each step at the end of a run,
each look at the result, and Re-score. Seconds of one busy core, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import benchmark_page
import numpy as np
from large_volume import PANCREAS_HU, SOFT_TISSUE_HU, SPACING_MM, TUMOR_HU, ReadingNetwork, large_ct

from PDACScreeningLib.config import ScreeningConfig
from PDACScreeningLib.inference.screening import screen
from PDACScreeningLib.scan_files.image_io import checked_volume
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.session.record import input_facts, new_record
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "bench_panel.py"
NOISE_HU, GLAND_MM = 15, 130
STROKE = np.s_[190:210, 300:330, 300:330]


def ct_with_gland(slices: int) -> CTVolume:
    """A body with a gland of a patient's size: a bent tube, 130 mm long and 24 mm thick, and a tumor of 20 mm in it."""
    ct = large_ct(slices)
    ct.hu[ct.hu >= PANCREAS_HU] = SOFT_TISSUE_HU
    z, y, x = ((np.arange(length) - length / 2) * mm for length, mm in zip(ct.hu.shape, SPACING_MM[::-1], strict=True))
    for row, x_mm in enumerate(x.tolist()):
        if abs(x_mm) < GLAND_MM / 2:
            across = np.hypot(z[:, None] - 0.4 * x_mm, y - 20 * np.cos(x_mm / 30)) < 12
            ct.hu[:, :, row][across] = TUMOR_HU if abs(x_mm - 20) < 10 else PANCREAS_HU
    return ct


def large_answer(slices: int) -> Answer:
    """A noisy CT of 512x512 pixels a slice and what a screening says of it, at 1 mm, its map never quite constant."""
    flat, rng = ct_with_gland(slices), np.random.default_rng(0)
    noise = rng.integers(-NOISE_HU, NOISE_HU + 1, flat.hu.shape, np.int16)
    ct = CTVolume(np.maximum(flat.hu + noise, AIR_HU), flat.geometry)
    config = ScreeningConfig()
    networks = {scale.patch_size: ReadingNetwork() for scale in config.scales}
    screened = screen(flat, networks, config, protocol="fast")
    assert screened.probability is not None
    probability = screened.probability.values
    searched = probability > 0
    probability[searched] += rng.normal(0, 0.01, np.count_nonzero(searched)).astype(np.float32)
    np.clip(probability, 0, 1, out=probability)
    screening = replace(screened.screening, input=input_facts(checked_volume(ct)), provenance=new_record().provenance)
    return Answer(screening, ct, screened.label_map, screened.probability, network_labels=screened.network_labels)


def measure(answer: Answer, folder: Path) -> list[tuple[str, str]]:
    """What was measured, and how much."""
    sys.path[:0] = [str(ROOT / "Testing" / "SlicerHost"), str(ROOT / "Testing" / "Python")]
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from run_driving import replaying_python
    from screening_inputs import write_model
    from slicer_host.start import start

    from PDACScreeningLib.volume.label_map import Label

    result = folder / "result"
    if not result.exists():
        answer.save(result)
    (folder / "host").mkdir(exist_ok=True)
    scene = start(folder / "host")
    from slicer_host.start_order import new_panel, start_module

    module = start_module(ROOT / "PDACScreening" / "PDACScreening.py")
    import slicer
    from panel_driving import choose, segment_voxels

    from PDACScreeningLib.mrml.new_volume_node import add_ct

    panel = new_panel(module.PDACScreeningWidget)
    panel.enter()
    volume = add_ct(scene, answer.ct, "CT")
    panel.logic.python = replaying_python(folder, result)
    choose(panel, volume, write_model(folder / "tiny", Label.TUMOR))
    before = memory_mb()
    click = seconds_of(panel.ui.screenButton.click)
    end = steps_until(lambda: not panel.screening.running and is_settled(panel))
    grown = memory_mb() - before
    assert panel.ui.problemLabel.text == "", panel.ui.problemLabel.text
    node = panel._parameterNode.result
    drawn = segment_voxels(node, volume, "Tumor")
    drawn[STROKE] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, node, "Tumor", volume)
    del drawn
    edited = steps_until(lambda: is_settled(panel))
    rescoring = seconds_of(panel.ui.rescoreButton.click)
    assert "scored again" in panel.ui.stateLabel.text, panel.ui.reviewProblemLabel.text
    accepting = seconds_of(panel.ui.acceptButton.click)
    panel.cleanup()
    return [
        ("a click on Screen", f"{click:.2f} s"),
        ("end of a run, the longest pause", f"{max(end):.2f} s"),
        ("end of a run, all together", f"{sum(end):.2f} s"),
        ("looking at the result after an edit, the longest pause", f"{max(edited):.3f} s"),
        ("Re-score", f"{rescoring:.2f} s"),
        ("Accept", f"{accepting:.2f} s"),
        ("memory that a result takes", f"{grown:.0f} MB"),
    ]


def steps_until(condition: Callable[[], bool]) -> list[float]:
    """Let Slicer's events happen until something is true. Returns how long each round of them took."""
    import slicer

    seconds: list[float] = []
    while not condition():
        seconds.append(seconds_of(slicer.app.processEvents))
        time.sleep(0.005)
    return seconds


def is_settled(panel: Any) -> bool:
    """Whether the panel has looked at everything."""
    return not panel._refreshTimer.isActive() and not panel._checkTimer.isActive()


def seconds_of(work: Callable[[], Any]) -> float:
    """Seconds of processor time."""
    started = time.process_time()
    work()
    return time.process_time() - started


def memory_mb() -> float:
    """What the process holds now, without what was freed and not yet given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--page", type=Path, help="page of figures to add to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        answer = large_answer(arguments.slices)
        rows = measure(answer, Path(folder))
    title = f"The panel with a CT of 512x512x{arguments.slices}"
    figures = benchmark_page.table(title, ("what", "measured"), rows)
    print(figures)
    if arguments.page is not None:
        benchmark_page.append(arguments.page, SCRIPT, benchmark_page.machine("cpu"), figures)


if __name__ == "__main__":
    main()
