"""Which data set lies in a folder, and its cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PDACScreeningLib.datasets import csv_list, msd_pancreas, nih_pancreas_ct, panorama, pants, phantom_cohort
from PDACScreeningLib.datasets.dataset import Dataset, DatasetFacts
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.volume.label_mapping import OWN_LABELS, LabelMapping


@dataclass(frozen=True)
class DataSource:
    """A folder to take cases from, and how. None and no mirroring: what the data set itself says."""

    path: Path
    dataset: str  # a name of LAYOUTS
    labels: Path | None = None  # folder of the label maps, where they are a separate download
    label_mapping: LabelMapping | None = None
    mirrored: tuple[bool, bool, bool] = (False, False, False)  # label maps, along canonical (z, y, x)
    labels_by_voxel: bool = False  # label maps have the scans' voxels, wherever their headers place them


@dataclass(frozen=True)
class Layout:
    """How a data set is recognized and opened."""

    facts: DatasetFacts
    expected: str  # what such a folder holds, in a few words
    recognizes: Callable[[Path], bool]
    opens: Callable[[DataSource], Dataset]
    labels_apart: bool = False  # whether label maps may lie in a folder of their own
    free_mapping: bool = False  # whether the label mapping is the user's to say


LAYOUTS = (
    Layout(
        phantom_cohort.FACTS,
        "a folder of pdac-screening phantom-cohort, with */ct.nii.gz and */labels.nii.gz",
        phantom_cohort.is_phantom_cohort,
        lambda source: phantom_cohort.phantom_cohort(source.path),
    ),
    Layout(
        msd_pancreas.FACTS,
        "Task07_Pancreas, with imagesTr and labelsTr",
        msd_pancreas.is_msd_pancreas,
        lambda source: msd_pancreas.msd_pancreas(source.path),
    ),
    Layout(
        nih_pancreas_ct.FACTS,
        "the TCIA download of Pancreas-CT, with PANCREAS_0001, PANCREAS_0002, ...",
        nih_pancreas_ct.is_nih_pancreas_ct,
        lambda source: nih_pancreas_ct.nih_pancreas_ct(source.path, source.labels),
        labels_apart=True,
    ),
    Layout(
        panorama.FACTS,
        "unpacked batches, with 100122_00001_0000.nii.gz or the like",
        panorama.is_panorama,
        lambda source: panorama.panorama(source.path, source.labels),
        labels_apart=True,
    ),
    Layout(
        pants.FACTS,
        "the clone of PanTS, with ImageTr/PanTS_00000001/ct.nii.gz and LabelTr/PanTS_00000001/segmentations",
        pants.is_pants,
        lambda source: pants.pants(source.path, source.labels),
        labels_apart=True,
    ),
    Layout(
        csv_list.FACTS,
        "a CSV file with the columns image and labels, or a folder with such a cases.csv",
        csv_list.is_csv_list,
        lambda source: csv_list.csv_list(source.path, source.label_mapping or OWN_LABELS),
        free_mapping=True,
    ),
)
_LABELS_APART = ", ".join(layout.facts.name for layout in LAYOUTS if layout.labels_apart)
DATASET_NAMES = tuple(layout.facts.name for layout in LAYOUTS)


def open_source(source: DataSource) -> Dataset:
    """The cases of a source. Raises UsageError for options that do not fit it, DataError when the folder does not."""
    _require_path(source.path)
    layout = next(layout for layout in LAYOUTS if layout.facts.name == source.dataset)
    if source.labels is not None and not layout.labels_apart:
        raise UsageError(f"--labels is for {_LABELS_APART}; the label maps of {source.dataset} lie beside the images")
    if source.label_mapping is not None and not layout.free_mapping:
        raise UsageError(f"--label-mapping is for csv; the labels of {source.dataset} are known: {layout.facts.labels}")
    found = layout.opens(source)
    cases = (
        replace(
            case,
            mirrored=source.mirrored,
            position_may_differ=case.position_may_differ or source.labels_by_voxel,
        )
        for case in found.cases
    )
    return replace(found, cases=tuple(cases))


def recognized(path: Path) -> str:
    """The name of the only data set whose layout a folder has. Raises UsageError when there is none, or several."""
    _require_path(path)
    fitting = [layout.facts.name for layout in LAYOUTS if layout.recognizes(path)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        known = "".join(f"\n  {layout.facts.name}: {layout.expected}" for layout in LAYOUTS)
        raise UsageError(f"{path} has no layout that is known here:{known}")
    raise UsageError(f"{path} could be several data sets: write {' or '.join(f'{name}={path}' for name in fitting)}")


def _require_path(path: Path) -> None:
    if not path.exists():
        raise UsageError(f"{path} does not exist")
