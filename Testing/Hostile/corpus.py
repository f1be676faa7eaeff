"""The corpus of hostile inputs: what is in it, and a table of how the reader did.

`make test-hostile` runs it; it ends with 1 if a single input is answered wrongly.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from hostile_input import HostileInput, Tried, try_input
from spoiled_content import of_volume, spoiled_content
from spoiled_files import (
    clean_files,
    flipped_headers,
    flipped_voxels,
    foreign_files,
    impossible_headers,
    truncated_files,
    written,
)
from spoiled_series import (
    clean_slices,
    flipped_slice_headers,
    harmless_series,
    lacking_elements,
    missing_slices,
    mixed_acquisitions,
    mixed_identities,
    moved_slices,
    of_files,
    truncated_slices,
)

from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.read_scan import read_scan

_FILES = (truncated_files, flipped_voxels, flipped_headers, impossible_headers, foreign_files)
_SERIES = (
    *(truncated_slices, flipped_slice_headers, missing_slices, mixed_identities, mixed_acquisitions),
    *(lacking_elements, moved_slices, harmless_series),
)


def inputs(every: int = 1) -> Iterator[tuple[HostileInput, ReadCT]]:
    """Every `every`-th input of each kind, with the scan it was before."""
    groups: tuple[tuple[tuple[Callable[[], Iterator[HostileInput]], ...], ReadCT], ...] = (
        (_FILES, _clean(written("ct.nii", clean_files()["ct.nii"]))),
        (_SERIES, _clean(of_files(clean_slices()))),
        ((spoiled_content,), _clean(of_volume(1, lambda hu: hu))),
    )
    for makers, clean in groups:
        for number, hostile in enumerate(chain.from_iterable(maker() for maker in makers)):
            if number % every == 0:
                yield hostile, clean


def _clean(make: Callable[[Path], Path]) -> ReadCT:
    with tempfile.TemporaryDirectory() as folder:
        return read_scan(make(Path(folder)))


def tried(every: int = 1) -> Iterator[tuple[HostileInput, Tried]]:
    """Try every `every`-th input."""
    for hostile, clean in inputs(every):
        with tempfile.TemporaryDirectory() as folder:
            yield hostile, try_input(hostile, clean, Path(folder))


def main() -> int:
    """Try the corpus and print a table by kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try every N-th input only")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: list[str] = []
    slowest = 0.0
    for hostile, result in tried(parser.parse_args().every):
        counts[hostile.kind]["tried"] += 1
        counts[hostile.kind]["right" if result.is_right else "wrong"] += 1
        counts[hostile.kind][result.outcome] += 1
        slowest = max(slowest, result.seconds)
        if not result.is_right:
            wrong.append(f"{hostile.kind}: {hostile.name}: {result.outcome} {result.words[:160]}")
    sys.stdout.write(_table(counts))
    sys.stdout.write(f"\nslowest: {slowest:.1f} s\n" + "".join(f"WRONG {line}\n" for line in wrong))
    return 1 if wrong else 0


def _table(counts: dict[str, Counter[str]]) -> str:
    head = ("tried", "right", "wrong", "rejected", "indeterminate", "same", "told", "silent")
    lines = ["| kind | " + " | ".join(head) + " |", "|---|" + "--:|" * len(head)]
    total: Counter[str] = Counter()
    for kind, count in counts.items():
        total += count
        lines.append(f"| {kind} | " + " | ".join(str(count[key]) for key in head) + " |")
    lines.append("| **all** | " + " | ".join(str(total[key]) for key in head) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
