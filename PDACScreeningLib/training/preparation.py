"""From data sets to a case store: every case checked, none twice, bad ones listed with their reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PDACScreeningLib.datasets.dataset import DataCase, Dataset
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.progress import OnProgress, Progress, ignore_progress
from PDACScreeningLib.training.case_preparation import CaseTask
from PDACScreeningLib.training.case_store import remove_case
from PDACScreeningLib.training.duplicate_scans import DuplicateScan, duplicate_scans_of, merged_patients, overruled
from PDACScreeningLib.training.preparation_record import PreparedCase, forget, prepare_or_reuse, record_dropped
from PDACScreeningLib.training.store_index import (
    RefusedCase,
    StoredCase,
    StoreIndex,
    read_index,
    remove_index,
    write_store_index,
)
from PDACScreeningLib.worker_processes import each_as_finished

_STAGE = "preparing cases"


def prepare(
    datasets: Sequence[Dataset],
    store: Path,
    working_spacing_mm: float | None,
    *,
    jobs: int = 1,
    is_packed: bool = False,
    hu_clip: tuple[int, int] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> StoreIndex:
    """Write every usable case into a store folder, and `store.json` last; returns its content.

    A bad case is refused with its reason and never trained on; of one scan in several data sets the first is kept.
    What an earlier, interrupted run left is used when it is intact. jobs: processes; the result does not depend on it.
    is_packed, hu_clip: see CaseTask. The hook is called once a case. Raises DataError when no case is usable (a store
    of other cases stays as it is), a case name stands twice or the store is a finished one of another form, WriteError.
    """
    cases = [case for dataset in datasets for case in dataset.cases]
    _require_distinct_names(cases)
    earlier = _earlier(store)
    _require_same_grid(earlier, store, working_spacing_mm)
    _require_same_form(earlier, store, is_packed=is_packed, hu_clip=hu_clip)
    remove_index(store)
    tasks = [CaseTask(case, store, working_spacing_mm, is_packed, hu_clip) for case in cases]
    prepared = _without_gaps(tasks, _prepare_all(tasks, jobs, on_progress), jobs, on_progress)
    twice = duplicate_scans_of([one.stored for one in prepared if one.stored is not None])
    overruled_cases = overruled(twice, frozenset(one.facts.name for one in datasets if one.facts.any_mass))
    refused = _refused(tasks, prepared, twice, overruled_cases)
    _drop(tasks, prepared, refused)
    index = replace(
        _index(datasets, working_spacing_mm, prepared, refused, twice), is_packed=is_packed, hu_clip=hu_clip
    )
    if not index.cases:
        _restore(store, earlier, cases)
        raise DataError(f"none of the {len(cases)} cases can be used{_first_reason(refused)}")
    write_store_index(store, index)
    return index


def _index(
    datasets: Sequence[Dataset],
    working_spacing_mm: float | None,
    prepared: Sequence[PreparedCase],
    refused: tuple[RefusedCase, ...],
    twice: Sequence[DuplicateScan],
) -> StoreIndex:
    names = {case.case_id for case in refused}
    kept = [one.stored for one in prepared if one.stored is not None and one.case_id not in names]
    cases, merges = merged_patients(_with_disagreements(kept, twice), twice)
    return StoreIndex(
        working_spacing_mm,
        source=" ".join(dict.fromkeys(dataset.facts.source for dataset in datasets)),
        cases=cases,
        datasets=tuple(dict.fromkeys(dataset.facts for dataset in datasets)),
        refused=refused,
        notes=(
            *(note for dataset in datasets for note in dataset.notes),
            *merges,
            *(f"{pair.first.case_id}: {pair.disagreement}" for pair in twice if pair.disagreement),
        ),
    )


def _with_disagreements(cases: Sequence[StoredCase], twice: Sequence[DuplicateScan]) -> list[StoredCase]:
    """A case whose scan has another truth elsewhere carries a warning."""
    warnings: dict[str, tuple[str, ...]] = {}
    for pair in twice:
        if pair.disagreement:
            warnings[pair.first.case_id] = (*warnings.get(pair.first.case_id, ()), pair.disagreement)
    return [replace(case, warnings=(*case.warnings, *warnings.get(case.case_id, ()))) for case in cases]


def _require_distinct_names(cases: Sequence[DataCase]) -> None:
    """Raises DataError; on a disk that ignores case, Case-1 and case-1 would be the same files."""
    counts = Counter(case.case_id.lower() for case in cases)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise DataError(
            f"{len(twice)} case names stand twice, such as {twice[0]}; give a CSV file a column case_id with names of "
            "their own, and each folder only once"
        )


def _earlier(store: Path) -> StoreIndex | None:
    try:
        return read_index(store)
    except DataError:
        return None  # no store yet, or one that nobody can read


def _require_same_grid(earlier: StoreIndex | None, store: Path, working_spacing_mm: float | None) -> None:
    """A finished store is not replaced by one on another grid: trainings may rest on it. Raises DataError."""
    if earlier is not None and earlier.working_spacing_mm != working_spacing_mm:
        raise DataError(
            f"{store} is a store with a working spacing of {_spacing(earlier.working_spacing_mm)}, not "
            f"{_spacing(working_spacing_mm)}: choose another folder, or delete it"
        )


def _require_same_form(
    earlier: StoreIndex | None, store: Path, *, is_packed: bool, hu_clip: tuple[int, int] | None
) -> None:
    """A finished store is not replaced by one in another form: trainings may rest on it. Raises DataError."""
    if earlier is not None and (earlier.is_packed, earlier.hu_clip) != (is_packed, hu_clip):
        form = "compressed" if earlier.is_packed else "uncompressed"
        clip = "" if earlier.hu_clip is None else f", clipped to {earlier.hu_clip[0]} to {earlier.hu_clip[1]} HU"
        raise DataError(
            f"{store} is a store whose cases are {form}{clip}: say the same again (--uncompressed, --clip-hu), choose "
            "another folder, or delete it"
        )


def _restore(store: Path, earlier: StoreIndex | None, cases: Sequence[DataCase]) -> None:
    """Give a store its index back when none of its arrays was touched."""
    touched = {case.case_id.lower() for case in cases}
    if earlier is not None and not any(case.case_id.lower() in touched for case in earlier.cases):
        write_store_index(store, earlier)


def _spacing(spacing_mm: float | None) -> str:
    return "the scans' own" if spacing_mm is None else f"{spacing_mm:g} mm"


def _prepare_all(tasks: Sequence[CaseTask], jobs: int, on_progress: OnProgress) -> list[PreparedCase]:
    """What became of every case, in the order of the tasks."""
    done: dict[str, PreparedCase] = {}
    on_progress(Progress(_STAGE, 0, len(tasks)))
    for one in each_as_finished(prepare_or_reuse, tasks, jobs):
        done[one.case_id] = one
        on_progress(Progress(_STAGE, len(done), len(tasks)))
    return [done[task.case.case_id] for task in tasks]


def _without_gaps(
    tasks: Sequence[CaseTask], prepared: Sequence[PreparedCase], jobs: int, on_progress: OnProgress
) -> list[PreparedCase]:
    """Prepare anew what an earlier run dropped for a case that is not among the cases any more."""
    seconds = {
        pair.second.case_id for pair in duplicate_scans_of([one.stored for one in prepared if one.stored is not None])
    }
    gaps = [task for task, one in zip(tasks, prepared, strict=True) if one.is_dropped and one.case_id not in seconds]
    if not gaps:
        return list(prepared)
    for task in gaps:
        forget(task)
    anew = {one.case_id: one for one in _prepare_all(gaps, jobs, on_progress)}
    return [anew.get(one.case_id, one) for one in prepared]


def _refused(
    tasks: Sequence[CaseTask],
    prepared: Sequence[PreparedCase],
    twice: Sequence[DuplicateScan],
    overruled_cases: Mapping[str, str],
) -> tuple[RefusedCase, ...]:
    """Every case that is not stored, in the order of the tasks."""
    duplicates = {pair.second.case_id: pair.reason for pair in twice}
    reasons = {one.case_id: one.refusal for one in prepared if one.stored is None} | duplicates | dict(overruled_cases)
    cases = [task.case for task in tasks if task.case.case_id in reasons]
    return tuple(
        RefusedCase(case.case_id, case.dataset, reasons[case.case_id], case.case_id in duplicates) for case in cases
    )


def _drop(tasks: Sequence[CaseTask], prepared: Sequence[PreparedCase], refused: Sequence[RefusedCase]) -> None:
    """Delete the arrays of refused cases, and remember of good ones that this was done."""
    names = {case.case_id for case in refused}
    for task, one in zip(tasks, prepared, strict=True):
        if one.case_id in names:
            remove_case(task.store, one.case_id)
            if one.stored is not None and not one.is_dropped:
                record_dropped(task, one)


def _first_reason(refused: Sequence[RefusedCase]) -> str:
    return f"; {refused[0].case_id}: {refused[0].reason}" if refused else ""
