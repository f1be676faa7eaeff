"""Each scan of a store by every window and by the fast protocol, one right after the other: `paired.py STORE CSV`.

Writes a line a scan to CSV, goes on from there when it is called again, and prints what the README beside this file
tells. 95 % intervals: Student's t of the differences. Seconds are those of this process on the processor, of one
thread, so that other work of the machine does not count; which protocol goes first alternates.
"""

from __future__ import annotations

import csv
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from PDACScreeningLib.evaluation.case_result import dice
from PDACScreeningLib.inference.coarse_to_fine import Segmentation
from PDACScreeningLib.network.runtime import use_threads
from PDACScreeningLib.progress import ignore_progress
from PDACScreeningLib.session.model import LazyModel, LoadedModel, ModelRequest
from PDACScreeningLib.training.case_store import Case, CaseStore
from PDACScreeningLib.volume.label_map import Label

MODEL = "demo-phantom"


@dataclass(frozen=True)
class Pair:
    """One scan. Counts and DSC are of the networks together; dsc -1: both are empty. close_call: see `looked_again`."""

    case: str
    true_tumor_voxels: int
    exact_tumor_voxels: int
    fast_tumor_voxels: int
    fast_alone_tumor_voxels: int  # what few windows said, before a close call was decided by every window
    close_call: str  # "", "zero" (no tumor voxel, but its networks contradict), "few" (1 to 5K), or "no pancreas"
    exact_foreground_dsc: float
    fast_foreground_dsc: float
    exact_tumor_dsc: float
    fast_tumor_dsc: float
    exact_s: float
    fast_s: float
    first: str  # the protocol that went first


def main(store: Path, path: Path) -> None:
    """Read what has not been read, then tell."""
    use_threads(1)
    model = LazyModel(ModelRequest(MODEL, device="cpu")).loaded()
    pairs = read(path) if path.exists() else []
    known = {pair.case for pair in pairs}
    for number, case in enumerate(sorted(CaseStore(store).cases, key=lambda case: case.facts.case_id)):
        if case.facts.case_id not in known:
            pairs.append(pair_of(case, model, "exact" if number % 2 else "fast"))
            write(pairs, path)
    tell(pairs, model.config.decision.min_tumor_voxels)


def pair_of(case: Case, model: LoadedModel, first: str) -> Pair:
    """Both answers for one scan, and what each cost."""
    found: dict[str, tuple[Segmentation | None, float]] = {}
    for protocol in (first, "fast" if first == "exact" else "exact"):
        began = time.process_time()
        answer = model.engine.segment(case.ct, ignore_progress, protocol="exact" if protocol == "exact" else "fast")
        found[protocol] = (answer, time.process_time() - began)
    (exact, exact_s), (fast, fast_s) = found["exact"], found["fast"]
    again = None if fast is None or fast.close_call_voxels is None else fast.close_call_voxels
    close_call = "no pancreas" if fast is None else "" if again is None else "zero" if again == 0 else "few"
    truth = case.all_labels
    labels = [np.zeros_like(truth) if answer is None else answer.labels for answer in (exact, fast)]
    return Pair(
        case.facts.case_id,
        count(truth),
        *map(count, labels),
        count(labels[1]) if again is None else again,
        close_call,
        *(agreement(found > 0, truth > 0) for found in labels),
        *(agreement(found == Label.TUMOR, truth == Label.TUMOR) for found in labels),
        round(exact_s, 2),
        round(fast_s, 2),
        first,
    )


def count(labels: NDArray[np.uint8]) -> int:
    """Tumor voxels."""
    return int(np.count_nonzero(labels == Label.TUMOR))


def agreement(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """DSC, -1 where both are empty."""
    value = dice(found, truth)
    return -1.0 if value is None else round(value, 4)


def tell(pairs: list[Pair], needed: int) -> None:
    """Everything that the README says of these scans. needed: K."""
    exact, fast = ([getattr(pair, f"{name}_tumor_voxels") >= needed for pair in pairs] for name in ("exact", "fast"))
    few = [pair.fast_alone_tumor_voxels >= needed for pair in pairs]
    truth = [pair.true_tumor_voxels > 0 for pair in pairs]
    say(f"{len(pairs)} scans, {sum(truth)} with a tumor")
    for name, calls in (("exact", exact), ("few windows alone", few), ("fast", fast)):
        found = sum(call and true for call, true in zip(calls, truth, strict=True))
        say(f"{name}: {found} tumors called, {sum(calls) - found} false alarms")
    say("calls that differ from exact:")
    for pair, *calls in zip(pairs, exact, few, fast, strict=True):
        if len(set(calls)) > 1:
            say(f"  {pair}")
    zeros = [pair for pair in pairs if pair.close_call == "zero"]
    say(f"decided again: {sum(pair.close_call != '' for pair in pairs)}, of these zeros: {len(zeros)}")
    say(f"zeros that stand: {sum(p.close_call == '' and p.fast_alone_tumor_voxels == 0 for p in pairs)}")
    for kind in ("foreground", "tumor"):
        values = [(getattr(p, f"fast_{kind}_dsc"), getattr(p, f"exact_{kind}_dsc")) for p in pairs]
        kept = [(a, b) for (a, b), true in zip(values, truth, strict=True) if kind == "foreground" or true]
        say(f"{kind} DSC, fast - exact: {interval([a - b for a, b in kept])} of {len(kept)}")
    seconds = [(pair.fast_s, pair.exact_s, pair.close_call) for pair in pairs]
    say(f"seconds: exact {sum(s[1] for s in seconds):.0f}, fast {sum(s[0] for s in seconds):.0f}")
    for what, chosen in (("that stand", [s for s in seconds if not s[2]]), ("again", [s for s in seconds if s[2]])):
        if chosen:
            ratio = sum(s[0] for s in chosen) / sum(s[1] for s in chosen)
            say(f"  fast / exact, answers {what}: {ratio:.2f} of {len(chosen)}")
    say(f"  fast / exact, all: {sum(s[0] for s in seconds) / sum(s[1] for s in seconds):.2f}")


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(f"{line}\n")


def interval(differences: list[float]) -> str:
    """Mean with its 95 % interval."""
    mean, error = float(np.mean(differences)), float(stats.sem(differences))
    low, high = stats.t.interval(0.95, len(differences) - 1, mean, error)
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


def write(pairs: list[Pair], path: Path) -> None:
    """One line a scan."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Pair)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(pair) for pair in pairs)


def read(path: Path) -> list[Pair]:
    """What was written."""
    kinds = {"str": str, "int": int, "float": float}
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Pair(**{field.name: kinds[str(field.type)](row[field.name]) for field in fields(Pair)})
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
