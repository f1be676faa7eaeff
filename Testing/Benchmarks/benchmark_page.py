"""Figures as Markdown: for the terminal, and for docs/experiments/benchmarks-log.md under the name of the script."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

PAGE_TITLE = "# Benchmark log"


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """One Markdown table under a heading of the fourth level."""
    lines = [f"#### {title}", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def machine(device: str) -> str:
    """What the figures were measured on, and how busy it was with other work; no name that identifies a machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", load average {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    return f"{device}; {cores} CPU cores ({processor()}){busy}; {versions}"


def processor() -> str:
    """Model of the processor, as far as the system tells."""
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in facts if line.startswith("model name")]
    return names[0] if names else platform.machine()


def append(page: Path, section: str, title: str, content: str) -> None:
    """Add `### title` with its content at the end of `## section`; a missing page or section is begun."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"{PAGE_TITLE}\n"
    heading = f"## {section}\n"
    if heading not in text:
        text = f"{text.rstrip()}\n\n{heading}"
    before, _, rest = text.partition(heading)
    inside, next_heading, after = rest.partition("\n## ")
    inside = f"{inside.rstrip()}\n\n### {title}\n\n{content.strip()}\n".lstrip("\n")
    page.write_text(before + heading + "\n" + inside + next_heading + after, encoding="utf-8")
