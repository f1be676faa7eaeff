"""How many small errors in the method's code do its tests notice? One error at a time, in a copy of the project.

    python Testing/Mutants/mutants.py                     the fixed sample of 300 (seed 2019)
    python Testing/Mutants/mutants.py --only working_grid all those of one module
    python Testing/Mutants/mutants.py --again             those that survived in the last run, after tests were added

An error is a comparison, sum, product, number, `not`, `and`/`or` or min/max that was exchanged. First the tests of
files that import one of the modules run once, slow ones left out, and it is written down which lines each runs. An
error is noticed when one of the tests fails that run its line (for a number outside of functions: that run anything
of its module). Of many such tests the quickest are taken, as many as run in 30 seconds together. What was found is
kept in build/mutants, and the next call goes on from there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import forked_pytest
from small_errors import LIBRARY, ROOT, SmallError, modules, sample, spoiled

TESTS = "Testing/Python"
LONGEST_TESTS_S = 30.0
OF_OTHER_PROCESSES = {"network/global_batch_norm.py": "test_ranks.py", "network/rank_sum.py": "test_ranks.py"}
FAILED = 1  # pytest's exit code
Lines = dict[str, dict[str, Any]]  # by test: seconds, passed, lines by module


@dataclass(frozen=True)
class Verdict:
    """What became of an error. by: the test that failed, "time" when tests ran for ever, "" when none noticed."""

    error: str
    by: str
    tests: int

    @property
    def survived(self) -> bool:
        """Whether no test noticed."""
        return not self.by


def watch(file: str, kept: Path) -> str:
    """Run a test file once and keep which lines its tests run."""
    place = kept / f"{Path(file).name}.json"
    if not place.exists():
        environment = {"LINES_OF_TESTS": str(place)}
        options = ("-m", "not slow", "-p", "lines_of_tests")
        forked_pytest.run_tests([file], *options, cpu_s=1800, environment=environment)
    return file


def judge(error: SmallError, tests: list[str], seconds: float) -> Verdict:
    """Run the tests of an error, which need so many seconds without it."""
    if not tests:  # of none, pytest would run all there are
        return Verdict(str(error), "", 0)
    code, by = forked_pytest.run_tests(
        tests,
        "-x",
        "-m",
        "not slow",
        cpu_s=int(60 + 10 * seconds),
        module=error.module,
        source=spoiled(error),
        environment={},
    )
    if code < 0:
        by = "time"
    elif code not in (0, FAILED):
        by = by or f"pytest ended with {code}"
    return Verdict(str(error), by, len(tests))


def tests_of(error: SmallError, lines: Lines) -> tuple[list[str], float]:
    """Tests that run a line of the error, the quickest files first, and their seconds."""
    here = {name: set(test["lines"].get(error.module, ())) for name, test in lines.items() if test["passed"]}
    spoiled_lines = set(range(error.first_line, error.last_line + 1))
    chosen = [name for name, ran in here.items() if ran & spoiled_lines]
    if not chosen:  # a number outside of functions, or what runs in processes of its own, as ranks of a training do
        elsewhere = f"{TESTS}/{OF_OTHER_PROCESSES.get(error.module)}"
        chosen = [name for name, ran in here.items() if ran or name.split("::")[0] == elsewhere]
    chosen.sort(key=lambda name: lines[name]["seconds"])
    kept, seconds = [], 0.0
    for name in chosen:
        seconds += lines[name]["seconds"]
        if kept and seconds > LONGEST_TESTS_S:
            seconds -= lines[name]["seconds"]
            break
        kept.append(name)
    return _by_file(kept, lines), seconds


def _by_file(tests: Iterable[str], lines: Lines) -> list[str]:
    """Files in the order of their seconds, so that what their tests share is made once."""
    files: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        files[test.split("::")[0]].append(test)
    quickest = sorted(files.values(), key=lambda one: sum(lines[test]["seconds"] for test in one))
    return [test for one in quickest for test in one]


@cache
def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def main() -> int:
    """Try the sample; print each verdict and the share that was noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="PART", help="all errors of the modules whose path holds this")
    parser.add_argument("--first", type=int, help="so many of the sample")
    parser.add_argument("--again", action="store_true", help="try again what survived")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "mutants", help="where findings are kept")
    arguments = parser.parse_args()
    kept: Path = arguments.kept.resolve()
    kept.mkdir(parents=True, exist_ok=True)
    errors, began = sample(arguments.only)[: arguments.first], time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(arguments.jobs, spawn, initializer=forked_pytest.prepare, initargs=(folder,)) as pool,
    ):
        verdicts = _tried(pool, errors, _watched(pool, kept), kept, again=arguments.again)
    survivors = [verdict for verdict in verdicts if verdict.survived]
    share = (
        f"{len(verdicts) - len(survivors)} of {len(verdicts)} noticed, {time.monotonic() - began:.0f} s; survivors:\n"
    )
    sys.stdout.write(share + "".join(f"  {verdict.error}\n" for verdict in survivors))
    return 0


def _watched(pool: ProcessPoolExecutor, kept: Path) -> Lines:
    """What every test runs; files that changed since the last time are run again."""
    files = [path for path in sorted((ROOT / TESTS).glob("test_*.py")) if _is_about_the_method(path)]
    place = kept / "lines"
    place.mkdir(exist_ok=True)
    for path in files:
        known = place / f"{path.name}.sha"
        if not known.exists() or known.read_text() != _digest(path):
            (place / f"{path.name}.json").unlink(missing_ok=True)
            known.write_text(_digest(path))
    asked = [pool.submit(watch, f"{TESTS}/{path.name}", place) for path in files]
    for done in as_completed(asked):
        sys.stdout.write(f"watched {done.result()}\n")
        sys.stdout.flush()
    lines: Lines = {}
    for path in files:
        found = place / f"{path.name}.json"
        lines |= json.loads(found.read_text(encoding="utf-8")) if found.exists() else {}
    return {name: test for name, test in lines.items() if "lines" in test}


def _is_about_the_method(path: Path) -> bool:
    """Whether a test file imports one of the modules itself; others need them too, but look at other things."""
    names = {f"{LIBRARY}.{module.removesuffix('.py').replace('/', '.')} import" for module in modules()}
    text = path.read_text(encoding="utf-8")
    return any(name in text for name in names)


def _tried(
    pool: ProcessPoolExecutor, errors: list[SmallError], lines: Lines, kept: Path, *, again: bool
) -> list[Verdict]:
    """Verdicts on all errors, those of an earlier call among them unless their module changed."""
    place = kept / "verdicts.json"
    known: dict[str, dict[str, Any]] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    keys = {error: f"{error} #{error.index} {_digest(ROOT / LIBRARY / error.module)}" for error in errors}
    asked = {}
    for error in errors:
        earlier = known.get(keys[error])
        if earlier is None or (again and not earlier["by"]):
            asked[pool.submit(judge, error, *tests_of(error, lines))] = error
    for done in as_completed(asked):
        verdict = done.result()
        known[keys[asked[done]]] = {"by": verdict.by, "tests": verdict.tests}
        place.write_text(json.dumps(known, indent=1), encoding="utf-8")
        sys.stdout.write(f"{'SURVIVED' if verdict.survived else 'noticed'}: {verdict.error}  [{verdict.by}]\n")
        sys.stdout.flush()
    return [Verdict(str(error), **known[keys[error]]) for error in errors]


if __name__ == "__main__":
    sys.exit(main())
