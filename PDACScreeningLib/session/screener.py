"""A model that is ready, and what it says of a scan: read, check, screen, with all that is known of the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PDACScreeningLib.config import DEFAULT_PROTOCOL, ProtocolName
from PDACScreeningLib.dicom.options import DEFAULT_KIND, SegmentationKind
from PDACScreeningLib.errors import InputIndeterminate, InputRejected
from PDACScreeningLib.image_numbers import slice_at, small_number, with_image_numbers
from PDACScreeningLib.inference.screening import screen_with
from PDACScreeningLib.progress import OnProgress, ignore_progress
from PDACScreeningLib.scan_files.image_io import ReadCT
from PDACScreeningLib.scan_files.read_scan import read_scan
from PDACScreeningLib.screening_result import Screening
from PDACScreeningLib.session.answer import Answer, bound
from PDACScreeningLib.session.dicom_results import with_dicom_results
from PDACScreeningLib.session.memory_announcement import announcement
from PDACScreeningLib.session.model import LazyModel, ModelRequest
from PDACScreeningLib.session.outcome_of_error import outcome_of_error
from PDACScreeningLib.session.record import ScreeningRecord, input_facts, new_record
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry


@dataclass(frozen=True)
class ScanRequest:
    """Which scan, and how: one value for the command line, the button of Slicer and a notebook."""

    scan: str | CTVolume  # a file, a folder of DICOM slices, or voxels
    protocol: ProtocolName = DEFAULT_PROTOCOL
    series: str | None = None  # of a DICOM folder: its number, UID or words of its description
    acquisition: str | None = None  # of a DICOM series that holds several
    include_identifiers: bool = False  # put patient and study identifiers into the outputs
    dicom_out: bool = False  # write DICOM objects too; they carry the identifiers of the scan
    dicom_source: str | None = None  # folder of the series that a file was made from
    dicom_predecessor: str | None = None  # report of the same series, before more slices came, that is replaced
    dicom_segmentation: SegmentationKind = DEFAULT_KIND
    dicom_probability: bool = False  # also the networks' output as a DICOM object
    dicom_key_objects: bool = False  # also a list of the slices through the findings
    label: str = ""  # the reader's own name for the scan, on every page about it


class Screener:
    """A model that is loaded when the first scan needs it and stays for the next ones.

    >>> answer = Screener("demo-phantom").screen("ct.nii.gz", protocol="fast")
    >>> answer.screening.outcome, answer.screening.score
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        device: str = "auto",
        memory_gib: float | None = None,
        precision: str = "auto",
        folds: Sequence[str] = (),
        mirroring: bool = True,
    ) -> None:
        """Choose the model. model: name or folder; None takes the only installed model that is not a demo.

        device: "auto" (a GPU if there is one), "cpu", "cuda" or "mps". memory_gib: what the networks may take.
        precision: "auto" (bf16 where the device is fast at it), "bf16", "fp16" or "fp32". folds, mirroring: of an
        imported nnU-Net, which of its trainings answer, and whether each window is also shown mirrored.
        Raises UsageError when there is no such model; torch is imported with the first scan.
        """
        name = None if model is None else str(model)
        self.model = LazyModel(ModelRequest(name, device, memory_gib, precision, tuple(folds), mirroring))

    @classmethod
    def of(cls, request: ModelRequest) -> Screener:
        """The screener of a request."""
        return cls(**vars(request))

    def screen(
        self,
        scan: str | Path | CTVolume,
        *,
        protocol: ProtocolName = DEFAULT_PROTOCOL,
        series: str | None = None,
        acquisition: str | None = None,
        include_identifiers: bool = False,
        dicom_out: bool = False,
        dicom_source: str | Path | None = None,
        label: str = "",
        on_progress: OnProgress = ignore_progress,
    ) -> Answer:
        """The answer for one scan, the same as the command line's (Eq. 1: y = c(s(X))).

        scan: a NIfTI, NRRD or MetaImage file, DICOM as `read_scan` takes it, or a CTVolume. A scan that is refused or
        that cannot be judged is an answer too: its outcome is REJECTED or INDETERMINATE, with the reason.
        dicom_out: make DICOM objects, which `save` writes; dicom_source: folder of the series a file was made from.
        label: your own name for the scan, on every page about it.
        Raises ModelError when the model is damaged; passes on what `on_progress` raises (`Cancelled`).
        """
        place = scan if isinstance(scan, CTVolume) else str(scan)
        request = ScanRequest(
            place,
            protocol,
            series,
            acquisition,
            include_identifiers,
            dicom_out=dicom_out,
            dicom_source=None if dicom_source is None else str(dicom_source),
            label=label,
        )
        record = new_record(label)
        try:
            answer = self.run(request, record, on_progress)
        except (InputRejected, InputIndeterminate) as error:
            answer = Answer(record.completed(outcome_of_error(error, with_names=include_identifiers)))
        return with_dicom_results(answer, request)

    @property
    def places(self) -> Mapping[Path, str]:
        """Words for the places of files, which no output names."""
        return {self.model.folder: "the model folder"}

    def get_ready(self, record: ScreeningRecord, tell: Callable[[str], None]) -> None:
        """Load the model and say once which one is used."""
        with record.timed("load model"):
            self.model.loaded()
        self.model.announce(tell)

    def run(
        self,
        request: ScanRequest,
        record: ScreeningRecord,
        on_progress: OnProgress,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Answer:
        """As `screen`, noting in `record` what is known, so that an early end can tell it too. Raises every error.

        tell: is told before the voxels are read what memory the scan will need.
        """
        with record.timed("load model"):
            loaded = self.model.loaded()
        record.model = loaded.facts
        record.use_machine(device=loaded.device, precision=loaded.precision, config=loaded.config)
        read = read_requested(
            request, record, on_progress, on_grid=lambda grid: tell(announcement(grid, loaded.config))
        )
        try:
            screened = screen_with(read.volume, loaded.engine, on_progress, protocol=request.protocol)
        finally:
            record.use_memory_steps(self.model.memory_steps)
        if screened.decided_in_full:
            record.use_machine(device=loaded.device, precision="fp32", config=loaded.config)
        screening, labels = record.completed(screened.screening), screened.label_map
        screening = _with_image_numbers(screening, read)
        answer = Answer(screening, read.volume, labels, screened.probability, read.slices)
        return bound(replace(answer, network_labels=screened.network_labels, anatomy=screened.anatomy))


def read_requested(
    request: ScanRequest,
    record: ScreeningRecord,
    on_progress: OnProgress,
    on_grid: Callable[[Geometry], None] = lambda _: None,
) -> ReadCT:
    """The scan of a request, read and checked, noting in `record` what is known of it. on_grid: see `read_scan`.

    Raises InputRejected or InputIndeterminate.
    """
    with record.timed("read scan"):
        read = read_scan(
            request.scan,
            series=request.series,
            acquisition=request.acquisition,
            include_identifiers=request.include_identifiers,
            on_grid=on_grid,
            on_progress=on_progress,
        )
    record.input, record.warnings = input_facts(read), read.warnings
    return read


def _with_image_numbers(screening: Screening, read: ReadCT) -> Screening:
    """With the numbers of a DICOM series, where each of its slices is still one of the volume."""
    if not read.slices:
        return screening
    by_slice: dict[int, int | None] = {}
    for header in read.slices:
        index = slice_at(header.position_mm, read.volume.geometry) if header.position_mm is not None else None
        if index is not None:
            by_slice[index] = small_number(header.image_number)
    return with_image_numbers(screening, small_number(read.slices[0].series.number), by_slice.get)
