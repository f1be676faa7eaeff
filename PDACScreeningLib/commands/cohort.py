"""`pdac-screening cohort`: many scans, screened by any number of workers on machines that share a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from PDACScreeningLib import atomic_file
from PDACScreeningLib.config import DEFAULT_PROTOCOL
from PDACScreeningLib.terminal.arguments import (
    Run,
    add_device,
    add_ensemble,
    add_json,
    add_memory,
    add_precision,
    add_progress,
    add_protocol,
    describe,
    positive,
    positive_number,
)
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE, FAILED, RESUME
from PDACScreeningLib.terminal.interruption import Interruption

if TYPE_CHECKING:
    from PDACScreeningLib.cohort.plan import Settings
    from PDACScreeningLib.cohort.worker import WorkDone

TABLE_CSV, TABLE_PAGE = "cohort.csv", "cohort.html"
NOT_ALL_ASSESSED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `cohort`, each with its own help."""
    parser.description = (
        "Screens many scans. 'plan' writes down which and how, 'work' screens them and may be started any number of\n"
        "times, on any machine that sees the folder, and be killed at any time; 'status' and 'table' tell how far it\n"
        "is."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_plan(_action(actions, "plan", "write down which scans are screened, and how"))
    _add_work(_action(actions, "work", "be a worker: screen scans until none is left"))
    _add_submit(_action(actions, "submit", "start workers as a SLURM array"))
    _add_status(_action(actions, "status", "count what is done and what is left"))
    _add_table(_action(actions, "table", "write the table of all scans as CSV and as a page"))


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary)
    action.add_argument("folder", metavar="DIR", type=Path, help="the cohort's folder, which all workers can write")
    return action


def _described(parser: argparse.ArgumentParser, run: Run, description: str, *examples: str) -> None:
    describe(parser, run, description=description, examples=examples)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    _described(
        parser,
        run_plan,
        "SCANS are files (NIfTI, NRRD, MetaImage, ZIP) and folders, which are searched. Of each DICOM study one\n"
        "series is taken, by the rules in docs/cohort.md; DIR/left_out.csv tells what was not taken, and why.\n"
        "Planned again, new scans join and the settings are those given now: other results stay, uncounted.\n"
        "DIR/cohort.json names the places of the scans, and so perhaps patients; nothing else does.",
        "pdac-screening cohort plan study /data/cts --model my-model",
        "pdac-screening cohort plan study a.nii.gz b.nrrd dicom-root --model demo-phantom --protocol fast",
        "pdac-screening cohort plan study --model my-model-2   # the same scans, another model",
    )
    parser.add_argument("scans", metavar="SCAN", type=Path, nargs="*", help="files and folders with scans")
    parser.add_argument("--model", metavar="NAME|DIR", help="model to use; see 'pdac-screening models'")
    add_protocol(parser)
    add_precision(parser)
    add_ensemble(parser)
    parser.add_argument(
        "--include-identifiers", action="store_true", help="put patient and study identifiers into the results"
    )
    parser.add_argument("--dicom-out", action="store_true", help="write DICOM objects too, where the scans are DICOM")
    parser.add_argument(
        "--lease-s",
        metavar="S",
        type=positive_number,
        help="after so many seconds without a sign of life of a worker, another takes its scan (default: 120)",
    )
    add_progress(parser)


def _add_work(parser: argparse.ArgumentParser) -> None:
    _described(
        parser,
        run_work,
        "Takes one scan after the other until every scan has a result or is put aside. A scan that ended three\n"
        "workers is put aside (quarantine) at the fourth start. Ends with 75 when it was told to stop while scans are\n"
        "left.",
        "pdac-screening cohort work study",
        "pdac-screening cohort work study --jobs 2 --device cpu",
        "pdac-screening cohort work study --retry-quarantined",
    )
    parser.add_argument("--jobs", metavar="N", type=positive, default=1, help="workers on this machine (default: 1)")
    parser.add_argument(
        "--retry-quarantined", action="store_true", help="try the scans again that were put aside, from the first start"
    )
    add_device(parser)
    add_memory(parser)
    add_progress(parser)


def _add_submit(parser: argparse.ArgumentParser) -> None:
    _described(
        parser,
        run_submit,
        "Writes DIR/cohort.sbatch and hands it to sbatch. Submitted again, more workers join.",
        "pdac-screening cohort submit study --workers 8 --sbatch=--time=12:00:00 --sbatch=--gpus=1",
        "pdac-screening cohort submit study --workers 8 --dry-run",
    )
    parser.add_argument("--workers", metavar="N", type=positive, required=True, help="tasks of the array")
    parser.add_argument(
        "--sbatch", metavar="OPTION", action="append", default=[], help="an option of sbatch; repeatable"
    )
    parser.add_argument("--dry-run", action="store_true", help="write the job, but do not submit it")
    add_device(parser)
    add_memory(parser)


def _add_status(parser: argparse.ArgumentParser) -> None:
    _described(
        parser,
        run_status,
        "Counts results by outcome, scans put aside, scans at work and scans left. Ends with 0 when nothing is left.",
        "pdac-screening cohort status study",
        "pdac-screening cohort status study --json",
    )
    add_json(parser)


def _add_table(parser: argparse.ArgumentParser) -> None:
    _described(
        parser,
        run_table,
        f"Writes DIR/{TABLE_CSV} and DIR/{TABLE_PAGE}: every planned scan is in it, those not assessed first. Ends\n"
        "with 3 when some were not assessed.",
        "pdac-screening cohort table study",
        "pdac-screening cohort table study --include-places",
    )
    parser.add_argument(
        "--include-places", action="store_true", help="a column with each scan's place, which may name patients"
    )
    add_json(parser)


def run_plan(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Plan a cohort, or plan it again. Raises UsageError when there is no scan or no model."""
    from PDACScreeningLib.cohort.planning import LEFT_OUT, plan_cohort
    from PDACScreeningLib.cohort.scan_search import search_scans

    settings = _settings(arguments)
    search = search_scans(arguments.scans, interruption.hook(display.progress))
    planned = plan_cohort(arguments.folder, settings, search, arguments.lease_s)
    text = (
        f"{planned.cases} scans, {planned.new} of them new, with the model {settings.model_name} ({settings.protocol})."
    )
    if planned.left_out:
        text += f"\n{planned.left_out} series or files were left out; {arguments.folder / LEFT_OUT} tells why."
    text += f"\nScreen them: pdac-screening cohort work {arguments.folder}"
    display.result(text, {"cases": planned.cases, "new": planned.new, "left_out": planned.left_out, "exit_code": DONE})
    return DONE


def _settings(arguments: argparse.Namespace) -> Settings:
    """Those typed; planned again without a model, the model stays."""
    from PDACScreeningLib.cohort.plan import PLAN, read_plan
    from PDACScreeningLib.cohort.settings_here import settings_here

    model = arguments.model
    if model is None and (arguments.folder / PLAN).exists():
        model = read_plan(arguments.folder).settings.model
    return settings_here(
        model,
        arguments.protocol or DEFAULT_PROTOCOL,
        arguments.precision,
        include_identifiers=arguments.include_identifiers,
        dicom_out=arguments.dicom_out,
        folds=tuple(arguments.folds),
        mirroring=arguments.mirroring,
    )


def run_work(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Be one worker, or several. Raises UsageError when there is no plan, or another model than planned."""
    from PDACScreeningLib.cohort.folder import CohortFolder
    from PDACScreeningLib.cohort.settings_here import require_planned_settings
    from PDACScreeningLib.cohort.worker import CohortWorker, Machine

    cohort = CohortFolder(arguments.folder)
    require_planned_settings(cohort.plan.settings)
    if arguments.retry_quarantined:
        display.notice(f"{cohort.let_out_of_quarantine()} scans that were put aside are tried again.")
    if arguments.jobs > 1:
        return _several(arguments, display, interruption)
    machine = Machine(arguments.device, arguments.memory_gib)
    with interruption.remembered():
        worker = CohortWorker(cohort, machine, display, lambda: interruption.requested)
        done = worker.work(display.progress)
    return _told(done, display)


def _told(done: WorkDone, display: Display) -> int:
    """Say what this worker did, and return its exit code."""
    parts = [
        f"{done.committed} scans screened",
        f"{done.failed} failed" if done.failed else "",
        f"{done.lost} had been finished by another worker" if done.lost else "",
        f"{done.quarantined} put aside" if done.quarantined else "",
        f"{done.unseen} cannot be found from this machine" if done.unseen else "",
        "stopped; start a worker again to go on" if done.was_stopped else "",
    ]
    exit_code = RESUME if done.was_stopped else FAILED if done.unseen else DONE
    display.result(", ".join(part for part in parts if part) + ".", {**vars(done), "exit_code": exit_code})
    return exit_code


def _several(arguments: argparse.Namespace, display: Display, interruption: Interruption) -> int:
    """Workers beside each other; the highest exit code of all, 5 when one was ended from outside."""
    from PDACScreeningLib.cohort.local_workers import run_workers
    from PDACScreeningLib.cohort.worker import Machine

    machine = Machine(arguments.device, arguments.memory_gib)
    with interruption.remembered():
        codes = run_workers(arguments.folder, arguments.jobs, machine, lambda: interruption.requested)
    if min(codes) < 0:
        display.error("a worker was ended from outside; start it again to go on")
        return FAILED
    return max(codes)


def run_submit(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Write the array job, and submit it. Raises UsageError when SLURM does not take it."""
    from PDACScreeningLib.cohort.folder import CohortFolder
    from PDACScreeningLib.cohort.slurm_job import submit, write_script

    cohort = CohortFolder(arguments.folder)
    options = ["--device", arguments.device, "--progress", "none"]
    if arguments.memory_gib is not None:
        options += ["--memory-gib", str(arguments.memory_gib)]
    script = write_script(cohort.folder, workers=arguments.workers, options=arguments.sbatch, work_options=options)
    said = f"{script} is written, not submitted." if arguments.dry_run else submit(script)
    display.result(said, {"script": str(script), "said": said, "exit_code": DONE})
    return DONE


def run_status(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """How far it is."""
    import json

    from PDACScreeningLib.cohort.folder import CohortFolder
    from PDACScreeningLib.cohort.status import cohort_status, status_text

    status = cohort_status(CohortFolder(arguments.folder))
    exit_code = DONE if status.left == 0 else NOT_ALL_ASSESSED
    text = json.dumps(status.facts()) if arguments.json else status_text(status)
    display.result(text, {**status.facts(), "exit_code": exit_code})
    return exit_code


def run_table(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Write the table. Returns 3 when some scans were not assessed."""
    import json

    from PDACScreeningLib.cohort.folder import CohortFolder
    from PDACScreeningLib.cohort.page import cohort_page
    from PDACScreeningLib.cohort.table import NOT_ASSESSED, counts, csv_text, table_rows
    from PDACScreeningLib.network.model_choice import find_model
    from PDACScreeningLib.network.model_description import read_description

    cohort = CohortFolder(arguments.folder)
    rows = table_rows(cohort, with_places=arguments.include_places)
    settings = cohort.plan.settings
    notice = read_description(find_model(settings.model).folder).notice
    atomic_file.write_text(cohort.folder / TABLE_CSV, csv_text(rows, with_places=arguments.include_places))
    atomic_file.write_text(cohort.folder / TABLE_PAGE, cohort_page(rows, settings, notice))
    found = counts(rows)
    exit_code = NOT_ALL_ASSESSED if any(found[state] for state in NOT_ASSESSED) else DONE
    lines = [f"{number:6}  {state}" for state, number in found.items() if number]
    text = "\n".join([*lines, f"{len(rows):6}  scans; {cohort.folder / TABLE_PAGE}"])
    display.result(json.dumps(found) if arguments.json else text, {"counts": found, "exit_code": exit_code})
    return exit_code
