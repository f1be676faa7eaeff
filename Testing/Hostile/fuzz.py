"""Random damage through every reader of files: only the errors that it promises may come out.

    make fuzz RUNS=1000000 SEED=0          every reader gets the same share; each execution is a changed input

A foreign exception, a crash, a run that takes too long, and words that reach the terminal are faults. The input of
each new one is kept in Testing/Hostile/found/, and Testing/Python/test_hostile.py tries it again for good. Executions
are made in pieces of 10,000, each in a process of its own; finished pieces are kept in build/fuzz, and the next call
goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzzed_node import node_readers
from fuzzed_objects import object_readers
from fuzzed_scans import scan_readers
from hostile_input import LONGEST_S, TooLong
from hostile_records import Reader, damaged, readers

FOUND = Path(__file__).parent / "found"
KEPT = Path(__file__).parents[2] / "build" / "fuzz"
PIECE = 10_000
RIGHT = frozenset({"read", "refused"})
STOPPED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_MIB = 1024  # kB of ru_maxrss


@dataclass(frozen=True)
class Piece:
    """Some executions of one reader."""

    name: str
    number: int
    executions: int
    seed: int

    @property
    def file(self) -> str:
        """Where its counts are kept."""
        return f"{self.seed}-{self.name}-{self.number}-{self.executions}.json"


def all_readers(folder: Path) -> dict[str, Reader]:
    """All readers of files that nobody vouches for, by the name of the file that is damaged. folder: empty."""
    found: dict[str, Reader] = {}
    makers = {"scans": scan_readers, "records": readers, "objects": object_readers, "node": node_readers}
    for name, make in makers.items():
        place = folder / name
        place.mkdir()
        found.update(make(place))
    return found


def names_of_readers() -> list[str]:
    """The names of all readers, in their order."""
    with tempfile.TemporaryDirectory() as folder:
        return list(all_readers(Path(folder)))


def pieces(names: list[str], runs: int, seed: int) -> Iterator[Piece]:
    """The same number of executions for every reader, at least `runs` together."""
    each = -(-runs // len(names))
    for start in range(0, each, PIECE):
        for name in names:
            yield Piece(name, start // PIECE, min(PIECE, each - start), seed)


def try_bytes(content: bytes, reader: Reader, path: Path) -> str:
    """ "read", "refused", or the fault and where it came from. path: where the input is written for the reader."""
    path.write_bytes(content)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST_S)
    try:
        reader.read(path)
    except reader.errors:
        return "refused"
    except (Exception, TooLong) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    finally:
        signal.alarm(0)
    return "read"


def _too_long(_number: int, _frame: object) -> None:
    raise TooLong(f"longer than {LONGEST_S} s")


def run_piece(piece: Piece, folder: Path) -> Counter[str]:
    """Executions in this process, whose terminal is a file of its own. folder: empty."""
    (folder / "readers").mkdir()
    (folder / "temporary").mkdir()
    tempfile.tempdir = str(folder / "temporary")
    reader = all_readers(folder / "readers")[piece.name]
    draw, counts = random.Random(f"{piece.seed} {piece.name} {piece.number}"), Counter[str]()
    for _ in range(piece.executions):
        content = damaged(reader, draw)
        (folder / "last").write_bytes(content)
        outcome = try_bytes(content, reader, folder / "input")
        if os.fstat(1).st_size:
            outcome = "words on the terminal: " + os.pread(1, 80, 0).decode(errors="replace")
            os.ftruncate(1, 0)
        counts[outcome] += 1
        if outcome not in RIGHT and counts[outcome] == 1:
            keep(piece.name, content)
    return counts


def keep(name: str, content: bytes) -> None:
    """An input that ended in a fault."""
    FOUND.mkdir(exist_ok=True)
    (FOUND / f"{hashlib.sha256(content).hexdigest()[:12]}-{name}").write_bytes(content)


def start(piece: Piece, kept: Path, fast: Path) -> tuple[int, Path]:
    """Begin a piece in a child. Returns its process and folder."""
    folder = Path(tempfile.mkdtemp(dir=fast))
    child = os.fork()
    if child:
        return child, folder
    try:
        terminal = os.open(folder / "terminal", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(terminal, stream)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        counts = run_piece(piece, folder)
        facts = {
            "counts": counts,
            "seconds": time.process_time() - began,
            "mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // _MIB,
        }
        (kept / f"{piece.file}.new").write_text(json.dumps(facts), encoding="utf-8")
        (kept / f"{piece.file}.new").replace(kept / piece.file)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def finish(child: int, status: int, piece: Piece, kept: Path, folder: Path) -> None:
    """Keep what ended a child. One that somebody stopped is no fault: its piece is run again by the next call."""
    stopped = os.WIFSIGNALED(status) and os.WTERMSIG(status) in STOPPED
    if status != 0 and not stopped:
        words = (folder / "terminal").read_text(errors="replace")[-2000:] if (folder / "terminal").exists() else ""
        last = folder / "last"
        if os.WIFSIGNALED(status) and last.exists():
            keep(piece.name, last.read_bytes())
        fault = f"process {child} ended with {os.waitstatus_to_exitcode(status)}"
        sys.stderr.write(f"{piece}: {fault} {words}\n")
        (kept / piece.file).write_text(json.dumps({"counts": {fault: 1}, "seconds": 0, "mib": 0}), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)


def run(todo: list[Piece], kept: Path, jobs: int) -> None:
    """Run pieces, so many at once, on a file system in memory where there is one."""
    memory = Path("/dev/shm")
    running: dict[int, tuple[Piece, Path]] = {}
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        while todo or running:
            while todo and len(running) < jobs:
                piece = todo.pop(0)
                child, folder = start(piece, kept, Path(place))
                running[child] = (piece, folder)
            child, status = os.wait()
            piece, folder = running.pop(child)
            finish(child, status, piece, kept, folder)
            sys.stderr.write(f"{len(todo) + len(running)} pieces left\n")


def tell(plan: list[Piece], kept: Path) -> bool:
    """A table of what came of every reader; whether all of it was run and is right."""
    done = [piece for piece in plan if (kept / piece.file).exists()]
    if len(done) < len(plan):
        sys.stdout.write(f"pieces that were stopped: {len(plan) - len(done)}; the same command goes on with them\n")
    counts: dict[str, Counter[str]] = {}
    seconds, most_mib = 0.0, 0
    for piece in done:
        facts = json.loads((kept / piece.file).read_text(encoding="utf-8"))
        counts.setdefault(piece.name, Counter()).update(facts["counts"])
        seconds, most_mib = seconds + facts["seconds"], max(most_mib, facts["mib"])
    total = sum(counts.values(), Counter[str]())
    for name, count in {**counts, "all": total}.items():
        faults = sum(count.values()) - count["read"] - count["refused"]
        sys.stdout.write(f"| {name} | {sum(count.values())} | {count['read']} | {count['refused']} | {faults} |\n")
    sys.stdout.writelines(f"FAULT {count} times: {what}\n" for what, count in total.items() if what not in RIGHT)
    sys.stdout.write(f"{seconds:.0f} s of a processor; at most {most_mib} MiB more than before the first input\n")
    return len(done) == len(plan) and set(total) <= RIGHT


def main() -> int:
    """Run what has not been run, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kept", type=Path, default=KEPT, help="where finished pieces are kept")
    options = parser.parse_args()
    options.kept.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # here no library is used that a fork could not take
        names = pool.apply(names_of_readers)
    plan = list(pieces(names, options.runs, options.seed))
    run([piece for piece in plan if not (options.kept / piece.file).exists()], options.kept, options.jobs)
    return 0 if tell(plan, options.kept) else 1


if __name__ == "__main__":
    sys.exit(main())
