"""Medical Segmentation Decathlon, Task07 Pancreas: `dataset.json`, `imagesTr/` and `labelsTr/`, `pancreas_001.nii.gz`.

The form of nnU-Net, in which images end in `_0000.nii.gz`, is read too.
"""

from __future__ import annotations

from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset, DatasetFacts
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.volume.label_mapping import OWN_LABELS

FACTS = DatasetFacts(
    name="msd",
    title="MSD Task07 Pancreas",
    license="CC BY-SA 4.0",
    source="Medical Segmentation Decathlon, Task07 Pancreas: portal venous CTs of patients before resection of a "
    "pancreatic mass (Memorial Sloan Kettering Cancer Center).",
    labels="0 background, 1 pancreas, 2 any mass, called tumor here.",
    traps=(
        "Label 2 is any mass (cyst, IPMN, neuroendocrine tumor, PDAC), not PDAC only.",
        "Every labeled case has a mass, so there is no normal case.",
        "Many of the cases are also in PANORAMA, which says of each mass whether it is PDAC: name PANORAMA first.",
        "The archive holds hidden files named ._pancreas_001.nii.gz, which are no images.",
    ),
    any_mass=True,
)
_ARCHIVE = "Task07_Pancreas"  # unpacked into a folder of its own, as Windows offers, it is there once more
_INDEX, _IMAGES, _LABELS = "dataset.json", "imagesTr", "labelsTr"
_ENDING, _CHANNEL = ".nii.gz", "_0000"


def is_msd_pancreas(folder: Path) -> bool:
    """Whether a folder, or Task07_Pancreas in it, has the layout of the task."""
    root = _root(folder)
    return (root / _IMAGES).is_dir() and (root / _LABELS).is_dir()


def msd_pancreas(folder: Path) -> Dataset:
    """The labeled cases, by name; each is a patient of its own.

    Raises DataError when there is none, or when dataset.json does not describe labels 1 pancreas and 2 cancer.
    """
    folder = _root(folder)
    _check_index(folder / _INDEX)
    labels = {_case_name(path): path for path in _files(folder / _LABELS)}
    images = {_case_name(path): path for path in _files(folder / _IMAGES)}
    both = sorted(labels.keys() & images.keys())
    if not both:
        raise DataError(f"{folder} holds no image with a label map of the same name in {_IMAGES} and {_LABELS}")
    return Dataset(FACTS, tuple(_case(name, images[name], labels[name]) for name in both), _notes(images, labels))


def _root(folder: Path) -> Path:
    inner = folder / _ARCHIVE
    return inner if inner.is_dir() and not (folder / _IMAGES).is_dir() else folder


def _check_index(path: Path) -> None:
    """dataset.json tells whether 1 and 2 are what we take them for; without the file (a copy) they are trusted."""
    if not path.exists():
        return
    try:
        content = read_json(path)
        numbers = {str(number): str(name).lower() for number, name in _labels_of(content)}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}; copy the data set again") from error
    if "pancreas" not in numbers.get("1", "pancreas") or not any(
        word in numbers.get("2", "cancer") for word in ("cancer", "tumor", "tumour", "mass", "lesion", "pdac")
    ):
        raise DataError(f"{path} says that the labels are {numbers}; this is not Task07 Pancreas")


def _labels_of(content: dict[str, dict[str, str]]) -> list[tuple[str, str]]:
    """(number, name) pairs; the Decathlon writes number: name, nnU-Net's second version name: number."""
    pairs = content.get("labels", {}).items()
    return [(number, name) if str(number).isdecimal() else (name, number) for number, name in pairs]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{_ENDING}") if not path.name.startswith("."))


def _case_name(path: Path) -> str:
    return path.name.removesuffix(_ENDING).removesuffix(_CHANNEL)


def _case(name: str, image: Path, labels: Path) -> DataCase:
    case_id = f"{FACTS.name}-{name}"
    return DataCase(case_id, case_id, image, labels, OWN_LABELS, FACTS.name)


def _notes(images: dict[str, Path], labels: dict[str, Path]) -> tuple[str, ...]:
    notes = []
    if unlabeled := sorted(images.keys() - labels.keys()):
        notes.append(f"{len(unlabeled)} images without a label map were left out, such as {unlabeled[0]}")
    if unseen := sorted(labels.keys() - images.keys()):
        notes.append(f"{len(unseen)} label maps have no image, such as {unseen[0]}; was the archive unpacked whole?")
    return tuple(notes)
