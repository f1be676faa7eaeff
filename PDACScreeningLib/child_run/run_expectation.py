"""What a person is told before a run: what computes, and roughly how long it takes on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from PDACScreeningLib.strict_json import parse_json

_PLACES = {
    "auto": "on a GPU if PyTorch finds one, otherwise on the processors",
    "cpu": "on the processors",
    "cuda": "on the NVIDIA GPU",
    "mps": "on the Apple GPU",
}


@dataclass(frozen=True)
class Pace:
    """How fast this machine was in its last finished run with a model and a wish for a device."""

    device: str  # what really computed, e.g. "cpu" or the name of the GPU
    seconds_per_liter: float  # of scanned volume, body and air

    def to_text(self) -> str:
        """For the application's settings."""
        return json.dumps(asdict(self))


def pace_from_text(text: str) -> Pace | None:
    """What `Pace.to_text` wrote; None for anything else."""
    try:
        data = parse_json(text)
        pace = Pace(str(data["device"]), float(data["seconds_per_liter"]))
    except (ValueError, TypeError, KeyError):
        return None
    return pace if pace.seconds_per_liter > 0 else None


def expectation(device: str, liters: float, pace: Pace | None) -> str:
    """One or two sentences. device: the wish, of "auto", "cpu", "cuda", "mps"; liters: of the scan's field of view."""
    if pace is None:
        return (
            f"Computes {_PLACES[device]}. How long is known after the first run here; on processors it takes minutes "
            "to hours, depending on the model."
        )
    where = "the processors" if pace.device == "cpu" else pace.device
    return f"Computes on {where}, as in the last run here, which suggests {duration(pace.seconds_per_liter * liters)}."


def duration(seconds: float) -> str:
    """A duration as rough as an estimate is: "about 40 s", "about 3 min", "about 1.5 h"."""
    if seconds < 90:
        return f"about {max(5, round(seconds / 5) * 5)} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
