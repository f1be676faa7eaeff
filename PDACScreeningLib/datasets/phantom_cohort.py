"""A cohort of generated phantoms: one folder a case, with `ct.nii.gz` and `labels.nii.gz` (0, 1, 2)."""

from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.strict_json import read_json

IMAGE, LABELS, DESCRIPTION = "ct.nii.gz", "labels.nii.gz", "phantom.json"
LOW_CONTRAST_HU = 32  # a tumor less than this darker than its gland, as medians of the picture; about half of them
FACTS = DatasetFacts(
    name="phantoms",
    title="generated phantoms",
    license="none: synthetic, made by this software",
    source="Synthetic abdominal CTs with known truth, made by pdac-screening phantom-cohort.",
    labels="0 background, 1 pancreas, 2 tumor.",
    traps=("Nothing measured on phantoms says anything about patients.",),
)


def is_phantom_cohort(folder: Path) -> bool:
    """Whether a folder has the layout of a cohort."""
    return any(image.with_name(LABELS).exists() for image in folder.glob(f"*/{IMAGE}"))


def phantom_cohort(folder: Path) -> Dataset:
    """The cases of a cohort, by name. Every phantom is a patient of its own.

    Raises DataError when there is none, or when a case lacks its label map.
    """
    images = sorted(folder.glob(f"*/{IMAGE}"))
    if not images:
        raise DataError(f"{folder} holds no phantom (no */{IMAGE}); make one with `pdac-screening phantom-cohort`")
    for image in images:
        if not image.with_name(LABELS).exists():
            raise DataError(f"{image.parent} has no {LABELS}; generate the cohort again, it goes on where it stopped")
    return Dataset(FACTS, tuple(_case(image) for image in images))


def _case(image: Path) -> DataCase:
    name = image.parent.name
    traits = _traits(image.with_name(DESCRIPTION))
    return DataCase(name, name, image, image.with_name(LABELS), dataset=FACTS.name, traits=traits)


def _traits(path: Path) -> tuple[str, ...]:
    """Contrast of the tumor and confounders, as the generator wrote them; () of a cohort without its descriptions."""
    try:
        facts = read_json(path)["facts"]
        contrast, confounders = facts["tumor_hu_below_gland"], [str(name) for name in facts["confounders"]]
        low = None if contrast is None else float(contrast) < LOW_CONTRAST_HU
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    words = {
        None: (),
        True: (f"contrast below {LOW_CONTRAST_HU} HU",),
        False: (f"contrast {LOW_CONTRAST_HU} HU or more",),
    }
    return (*words[low], *(f"with {name.replace('_', ' ')}" for name in confounders))
