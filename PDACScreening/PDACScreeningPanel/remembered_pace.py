"""How fast screenings were on this machine, kept in the settings: what a person is told before the next."""

from pathlib import Path

import slicer

from PDACScreeningLib.child_run.run_expectation import pace_from_text


def remembered_pace(choices):
    """Pace of the last finished run with these choices of the panel; None before the first."""
    return pace_from_text(str(slicer.app.userSettings().value(_key(choices)) or ""))


def remember_pace(choices, pace):
    """Keep how fast a finished run was."""
    slicer.app.userSettings().setValue(_key(choices), pace.to_text())


def _key(choices):
    """No folder is kept: its name may be a person's."""
    return "/".join(["PDACScreening", "Pace", *(Path(str(value)).name for _, value in sorted(choices.items()))])
