"""Tests in a child of a process that has imported the slow packages already: no second start of torch."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from small_errors import LIBRARY, ROOT

_SLOW_PACKAGES = ("torch", "scipy.ndimage", "scipy.stats", "SimpleITK", "pydicom", "safetensors.torch", "pytest")
_LEFT_OUT = (".git", ".venv*", "__pycache__", "demo", "build", ".mypy_cache", ".ruff_cache", ".pytest_cache")
_LONGEST_WALL_S = 1800
_copy = Path()


def prepare(folder: str) -> None:
    """A copy of the project for this process alone, and the slow packages."""
    global _copy
    _copy = Path(folder) / str(os.getpid())
    shutil.copytree(ROOT, _copy, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=True)
    for name in _SLOW_PACKAGES:
        importlib.import_module(name)
    assert LIBRARY not in sys.modules


def run_tests(
    tests: Sequence[str], *options: str, cpu_s: int, module: str = "", source: str = "", environment: dict[str, str]
) -> tuple[int, str]:
    """Run tests in a child. Returns pytest's exit code, or minus a signal, and the first test that failed ("": none).

    module, source: what one module of the library holds instead. cpu_s: processor time after which the child ends.
    """
    original = (_copy / LIBRARY / module).read_bytes() if module else b""
    if module:
        (_copy / LIBRARY / module).write_text(source, encoding="utf-8")
    log = _copy / "log"
    try:
        code = _forked([*options, *tests], log, cpu_s, environment)
    finally:
        if module:
            (_copy / LIBRARY / module).write_bytes(original)
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return code, failed[1] if failed else ""


def _forked(arguments: list[str], log: Path, cpu_s: int, environment: dict[str, str]) -> int:
    child = os.fork()
    if child == 0:
        try:
            _become_pytest(arguments, log, cpu_s, environment)
        finally:
            os._exit(99)
    began = time.monotonic()
    while time.monotonic() - began < _LONGEST_WALL_S:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            _end_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _end_group(child)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def _end_group(leader: int) -> None:
    """What the tests left running, and the child itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _become_pytest(arguments: list[str], log: Path, cpu_s: int, environment: dict[str, str]) -> None:
    os.setpgid(0, 0)
    os.chdir(_copy)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.environ.update(environment, PYTHONPATH=str(_copy), OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(_copy)]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    import pytest

    code = pytest.main(["-q", "-p", "no:cacheprovider", *arguments])
    library = sys.modules.get(LIBRARY)
    assert library is None or str(library.__file__).startswith(str(_copy)), library
    sys.stdout.flush()
    os._exit(int(code))
