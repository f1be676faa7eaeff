"""What a screening leaves: the plain values, the voxels that go with them, and their files, written as one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from PDACScreeningLib.atomic_file import write_bytes
from PDACScreeningLib.digests import file_sha256, voxels_sha256
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.report.network_labels_file import write_network_labels
from PDACScreeningLib.report.probability_file import write_tumor_probability
from PDACScreeningLib.report.screening_report import report_html, write_report
from PDACScreeningLib.report.segmentation_file import write_segmentation
from PDACScreeningLib.report.viewer_scan import Evidence
from PDACScreeningLib.scan_files.slice_header import SliceHeader
from PDACScreeningLib.screening_json import write_screening
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.result_folder import (
    ANATOMY,
    KNOWN_FILES,
    LABELS,
    NETWORK_LABELS,
    REPORT,
    SCREENING,
    TUMOR_PROBABILITY,
    require_result_folder,
)
from PDACScreeningLib.session.result_place import Shield, held_place, new_result
from PDACScreeningLib.volume.anatomy import Anatomy
from PDACScreeningLib.volume.arrays import PROBABILITY_ZYX
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.label_map import LabelMap
from PDACScreeningLib.volume.part import VolumePart

_MOST_BYTES_IN_A_NOTEBOOK = 1_200_000  # ours: of voxels; with its pictures the page then stays below 2 MB


@dataclass(frozen=True, eq=False)
class Answer:
    """A screening and the voxels that go with it, on the scan's own grid; None where the outcome has none.

    probability: of tumor, 0 outside the searched region. network_labels: what each network alone segmented. anatomy:
    vessels and ducts, of a model that sees them (volume/anatomy says how an engine hands it over); it goes into the
    file of the label map, and is not written without one. In a notebook an answer is shown as the report. slices: of a
    DICOM series, in the order of the voxels. dicom_files: name and content of its DICOM objects, where they were asked
    for and could be made.
    """

    screening: Screening
    ct: CTVolume | None = None
    label_map: LabelMap | None = None
    probability: VolumePart[np.float32] | None = None
    slices: tuple[SliceHeader, ...] = ()
    dicom_files: tuple[tuple[str, bytes], ...] = ()
    network_labels: NetworkLabels | None = None
    anatomy: Anatomy | None = None

    @property
    def tumor_probability(self) -> PROBABILITY_ZYX | None:
        """(z, y, x) float32 of the whole scan, a new array."""
        return None if self.probability is None else self.probability.whole()

    @property
    def evidence(self) -> Evidence:
        """What lies over the scan in the report."""
        return Evidence(self.label_map, self.probability, self.network_labels)

    def save(self, folder: str | Path) -> Path:
        """Write the files of the command line into a folder, made if absent, and return the folder.

        screening.json and report.html always; labels.seg.nrrd, tumor_probability.nrrd and
        network_labels.nrrd where there are any. An
        earlier result is moved aside whole, to a folder named like this one with `.previous`. Raises UsageError when
        the folder cannot be written, FolderInUse when another run writes there, WriteError.
        """
        place = Path(folder)
        require_result_folder(place)
        with held_place(place, nullcontext):
            write_answer(self, place, shield=nullcontext, on_progress=ignore_progress)
        return place

    def _repr_html_(self) -> str:
        """The report, for notebooks. Its styles stay inside a frame of its own."""
        page = report_html(self.screening, self.ct, self.evidence, most_bytes=_MOST_BYTES_IN_A_NOTEBOOK)
        quoted = page.replace("&", "&amp;").replace('"', "&quot;")
        frame = 'sandbox="allow-scripts" style="width:100%;height:60em;border:0" title="Screening report"'
        return f'<iframe {frame} srcdoc="{quoted}"></iframe>'


def write_answer(
    answer: Answer, folder: Path, *, shield: Shield, on_progress: OnProgress, with_report: bool = True
) -> None:
    """Put this result into `folder`, which is held (`held_place`); an earlier one is moved aside.

    Raises WriteError and passes on what `on_progress` raises; the folder is as it was then.
    """
    with new_result(folder, shield) as staging:
        steps = _steps(answer, staging, with_report=with_report)
        for done, step in enumerate(steps):
            on_progress(Progress("writing", done, len(steps)))
            step()
        on_progress(Progress("writing", len(steps), len(steps)))


def _steps(answer: Answer, staging: Path, *, with_report: bool) -> list[Callable[[], object]]:
    """What is to be written, in order."""
    label_map, probability, model = answer.label_map, answer.probability, answer.screening.model
    steps: list[Callable[[], object]] = []
    if label_map is not None:
        steps.append(lambda: write_segmentation(label_map, staging / LABELS, model, answer.anatomy))
        if probability is not None:
            steps.append(lambda: write_tumor_probability(probability, staging / TUMOR_PROBABILITY, model))
    network_labels = answer.network_labels
    if network_labels is not None:
        steps.append(lambda: write_network_labels(network_labels, staging / NETWORK_LABELS, model))
    if with_report:
        steps += [partial(write_bytes, staging / name, content) for name, content in answer.dicom_files]
        steps.append(lambda: write_report(answer.screening, answer.ct, answer.evidence, staging / REPORT))
    steps.append(lambda: write_screening(_with_files(bound(answer).screening, staging), staging / SCREENING))
    return steps


def bound(answer: Answer) -> Answer:
    """The answer whose values name its voxels, so that no other labels or probability can be taken for its own."""
    digests = {}
    if answer.label_map is not None:
        digests[LABELS] = voxels_sha256(answer.label_map.labels)
    if answer.anatomy is not None:
        digests[ANATOMY] = voxels_sha256(answer.anatomy.structures)
    if answer.probability is not None:
        digests[TUMOR_PROBABILITY] = answer.probability.sha256()
    if answer.network_labels is not None:
        digests[NETWORK_LABELS] = answer.network_labels.packed.sha256()
    return replace(answer, screening=replace(answer.screening, result_voxels_sha256=digests))


def _with_files(screening: Screening, staging: Path) -> Screening:
    """The values, naming what lies beside them: `screening.json` is the last file to be written."""
    files = [staging / name for name in KNOWN_FILES if (staging / name).exists()]
    return replace(screening, files_sha256={path.name: file_sha256(path) for path in files})
