"""The settings of a cohort from what is installed on this machine, so that no worker screens with another model."""

from __future__ import annotations

from dataclasses import replace

from PDACScreeningLib import __version__
from PDACScreeningLib.cohort.plan import Settings
from PDACScreeningLib.config import ProtocolName
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_choice import find_model
from PDACScreeningLib.network.model_description import read_description


def settings_here(
    model: str | None,
    protocol: ProtocolName,
    precision: str,
    *,
    include_identifiers: bool = False,
    dicom_out: bool = False,
    folds: tuple[str, ...] = (),
    mirroring: bool = True,
) -> Settings:
    """How scans are screened with this model, as it lies on this machine. model: None takes the default.

    Raises UsageError when there is no such model, ModelError when it is damaged.
    """
    folder = find_model(model).folder
    return Settings(
        model=folder.name if model is None else model,
        model_sha256=read_description(folder).description_sha256,
        software=__version__,
        protocol=protocol,
        precision=precision,
        include_identifiers=include_identifiers,
        dicom_out=dicom_out,
        folds=folds,
        mirroring=mirroring,
    )


def require_planned_settings(planned: Settings) -> None:
    """Raise UsageError unless this machine has the model and the version that the cohort was planned with."""
    here = settings_here(planned.model, planned.protocol, planned.precision)
    if here.software != planned.software:
        raise UsageError(
            f"the cohort was planned with version {planned.software}, this is {here.software}; plan it again with this "
            "one (`cohort plan DIR`), and every scan is screened again"
        )
    if replace(planned, model_sha256=here.model_sha256) != planned:
        raise UsageError(
            f"the model '{planned.model}' here is not the one the cohort was planned with; install the same one, or "
            "plan the cohort again (`cohort plan DIR`), and every scan is screened again"
        )
