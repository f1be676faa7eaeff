"""A plugin of pytest: which lines of the method's code each test runs, how long it takes, and whether it passes.

    pytest -p lines_of_tests ...      with the file to write in LINES_OF_TESTS

Lines that run at import belong to no test and are left out.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from small_errors import LIBRARY, PARTS

_LIBRARY = Path.cwd() / LIBRARY
_WATCHED = {str(path): str(path.relative_to(_LIBRARY)) for part in PARTS for path in _LIBRARY.glob(part)}
_tests: dict[str, dict[str, Any]] = {}
_lines: dict[str, set[int]] = defaultdict(set)


def _on_call(frame: FrameType, _event: str, _argument: object) -> Any:
    module = _WATCHED.get(frame.f_code.co_filename)
    return None if module is None or not _is_function(frame.f_code) else _on_line


def _on_line(frame: FrameType, _event: str, _argument: object) -> Any:
    _lines[_WATCHED[frame.f_code.co_filename]].add(frame.f_lineno)
    return _on_line


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Watch a test with its fixtures."""
    _lines.clear()
    began = time.process_time()
    sys.settrace(_on_call)
    threading.settrace(_on_call)
    try:
        return (yield)
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        test = _tests.setdefault(item.nodeid, {"passed": True})
        test["seconds"] = round(time.process_time() - began, 3)
        test["lines"] = {module: sorted(lines) for module, lines in _lines.items()}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test that is skipped or fails anyway notices nothing."""
    if not report.passed:
        _tests.setdefault(report.nodeid, {})["passed"] = False


def pytest_sessionfinish() -> None:
    """Write what was seen."""
    Path(os.environ["LINES_OF_TESTS"]).write_text(json.dumps(_tests), encoding="utf-8")
