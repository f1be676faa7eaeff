"""An imported nnU-Net beside nnU-Net's own predictor: PANORAMA baseline's second step on a region of its usual size.

Weights are random, which changes no time. Without nnunetv2, which `make test-nnunet` installs, ours is timed alone.
    python Testing/Benchmarks/bench_nnunet.py --page docs/experiments/benchmarks-log.md
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
from benchmark_page import append, machine, table

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE / "Python"), str(HERE / "Nnunet")]

from panorama_facts import write_panorama  # noqa: E402

from PDACScreeningLib.engines.loading import load_engine  # noqa: E402
from PDACScreeningLib.engines.nnunet_folds import EnsembleOptions  # noqa: E402
from PDACScreeningLib.engines.nnunet_step import answer_of, prepare  # noqa: E402
from PDACScreeningLib.engines.nnunet_windows import window_count  # noqa: E402
from PDACScreeningLib.network.nnunet_folder import StepSource  # noqa: E402
from PDACScreeningLib.network.nnunet_import import ImportOrder, import_nnunet  # noqa: E402
from PDACScreeningLib.network.nnunet_recipes import RECIPES  # noqa: E402
from PDACScreeningLib.network.runtime import Runtime  # noqa: E402
from PDACScreeningLib.progress import ignore_progress  # noqa: E402

SHAPE, SPACING_MM = (40, 190, 330), (0.9, 0.9, 2.0)  # the pancreas and 100, 50 and 15 mm around it
RECIPE = RECIPES["panorama-baseline"]


def main() -> None:
    """Time both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, help="page to add the figures to")
    arguments = parser.parse_args()
    begun = machine("cpu")
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(Path(folder))
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    text = f"{begun}. Peak memory of all: {peak_gib:.1f} GiB.\n\n" + table(
        f"One fold, no mirroring, {' x '.join(map(str, SHAPE))} voxels of {' x '.join(map(str, SPACING_MM))} mm",
        ("what", "windows", "processor seconds", "seconds"),
        rows,
    )
    print(text)
    if arguments.page:
        append(arguments.page, "An imported nnU-Net (`bench_nnunet.py`)", str(date.today()), text)


def measured(folder: Path) -> list[tuple[object, ...]]:
    """Ours in both number formats, then nnU-Net's own."""
    results = write_panorama(folder / "results")
    trained = next(results.glob(f"{RECIPE.dataset}*/*"))
    import_nnunet(
        ImportOrder("p", StepSource(trained, RECIPE.labels, RECIPE.checkpoint), "none", "random"), folder / "model"
    )
    hu = np.random.default_rng(0).integers(-200, 300, SHAPE).astype(np.float32)
    rows = [ours(folder / "model", hu, precision) for precision in ("bf16", "fp32")]
    try:
        from own_predictor import own_predictor, predicted
    except ImportError:
        return rows
    predictor = own_predictor(trained, folds=("0",), mirroring=False, checkpoint=RECIPE.checkpoint)
    spent, elapsed = timed(lambda: predicted(predictor, hu, SPACING_MM))
    return [*rows, ("nnU-Net's own predictor (fp32)", rows[0][1], spent, elapsed)]


def ours(model: Path, hu: np.ndarray, precision: str) -> tuple[object, ...]:
    """Preparation, windows, labels and probability on the image's grid."""
    run = load_engine(model, Runtime("cpu", precision), EnsembleOptions(mirroring=False)).engine.fine_run(
        Runtime("cpu", precision)
    )
    windows = []

    def whole() -> None:
        image = prepare(hu, SPACING_MM, run.step)
        windows.append(window_count(image.data.shape, run.step.patch_size))
        answer_of(run.mean_logits(image, "second step", ignore_progress), image, run.step)

    spent, elapsed = timed(whole)
    return (f"this project ({precision})", windows[0], spent, elapsed)


def timed(work) -> tuple[str, str]:
    """Processor seconds, which other work on the machine hardly changes, and seconds."""
    began, processor = time.perf_counter(), time.process_time()
    work()
    return f"{time.process_time() - processor:.0f}", f"{time.perf_counter() - began:.0f}"


if __name__ == "__main__":
    main()
