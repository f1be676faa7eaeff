"""What this machine has, as far as a screening cares. Says nothing about who owns it: no host name, no user name."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PDACScreeningLib.session.versions import installed_versions

_GIB = 1024**3


@dataclass(frozen=True)
class GPU:
    """One GPU that torch can use."""

    name: str
    memory_gib: float | None  # None where it shares the machine's memory (mps)


@dataclass(frozen=True)
class Machine:
    """Facts of the machine. What cannot be known is None."""

    system: str
    processors: int | None
    memory_gib: float | None
    output_free_gib: float  # on the disk of the output folder
    temporary_free_gib: float  # on the disk of the folder for temporary files
    versions: dict[str, str]
    gpus: tuple[GPU, ...] | None


def this_machine(output: Path, *, gpus: bool = True) -> Machine:
    """Look at this machine. output: the folder results would go to; it need not exist yet.

    gpus: False leaves them unknown, because only torch can tell them and takes seconds to import.
    """
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processors=os.cpu_count(),
        memory_gib=_memory_gib(),
        output_free_gib=_free_gib(output),
        temporary_free_gib=_free_gib(Path(tempfile.gettempdir())),
        versions=installed_versions(),
        gpus=_gpus() if gpus else None,
    )


def machine_text(machine: Machine) -> str:
    """The facts as lines that a person reads."""
    lines = {
        "system": f"{machine.system}, {machine.processors or 'unknown number of'} processors",
        "memory": _gib(machine.memory_gib),
        "GPU": _gpus_text(machine.gpus),
        "free disk": f"{_gib(machine.output_free_gib)} for results, {_gib(machine.temporary_free_gib)} temporary",
        "versions": ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
    }
    return "\n".join(f"{name + ':':<11}{text}" for name, text in lines.items())


def _gpus_text(gpus: tuple[GPU, ...] | None) -> str:
    if gpus is None:
        return "not looked for"
    return ", ".join(_gpu_text(gpu) for gpu in gpus) or "none that torch can use; the processors compute"


def _gpu_text(gpu: GPU) -> str:
    return f"{gpu.name}, {_gib(gpu.memory_gib)}" if gpu.memory_gib is not None else gpu.name


def _gib(gib: float | None) -> str:
    return "unknown" if gib is None else f"{gib:.1f} GiB"


def _memory_gib() -> float | None:
    """Main memory, where the system tells (POSIX)."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB, 2)
    except (AttributeError, ValueError, OSError):
        return None


def _free_gib(folder: Path) -> float:
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return round(shutil.disk_usage(existing).free / _GIB, 2)


def _gpus() -> tuple[GPU, ...]:
    """GPUs that the installed torch sees; none without torch."""
    try:
        import torch
    except ImportError:
        return ()
    if torch.cuda.is_available():
        devices = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return tuple(GPU(device.name, round(device.total_memory / _GIB, 2)) for device in devices)
    return (GPU("Apple GPU (mps)", None),) if torch.backends.mps.is_available() else ()
