"""How fast screenings were on this machine, kept in the settings: what a person is told before the next."""

from pathlib import Path

import slicer

from PDACScreeningLib.child_run.run_expectation import pace_from_text


def remembered_pace(model, device, protocol):
    """Pace of the last finished run with this model, wish for a device and protocol; None before the first."""
    return pace_from_text(str(slicer.app.userSettings().value(_key(model, device, protocol)) or ""))


def remember_pace(model, device, protocol, pace):
    """Keep how fast a finished run was."""
    slicer.app.userSettings().setValue(_key(model, device, protocol), pace.to_text())


def _key(model, device, protocol):
    return f"PDACScreening/Pace/{protocol}/{device}/{Path(model).name}"
