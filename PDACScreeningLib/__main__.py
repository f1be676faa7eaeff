"""The command line `pdac-screening`, also `python -m PDACScreeningLib`: argument parsing, nothing else.

A command lies in the module of its name. It is imported when it is typed, so that help, lists and short commands need
neither torch nor SimpleITK.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from PDACScreeningLib import __version__
from PDACScreeningLib.terminal.arguments import EXIT_CODES
from PDACScreeningLib.terminal.exit_codes import guarded, open_missing_streams

COMMANDS = {
    "screen": "screen CT scans",
    "score": "judge a segmentation that another program made",
    "cohort": "screen many scans with any number of workers",
    "read": "read results in the browser: worklist, whole scans, notes",
    "worker": "screen scans on the orders of another program",
    "models": "list the installed models",
    "import-model": "make a model of a trained nnU-Net that you downloaded",
    "check": "tell what this machine has and test it",
    "listen": "receive series from a PACS, screen them, send results back",
    "phantom": "make a synthetic abdominal CT with known truth",
    "phantom-cohort": "make many synthetic CTs with known truth",
    "prepare": "check cases and write them as a case store for training",
    "split": "decide which patients of a store are trained on and which are tested",
    "train": "train one of the three networks",
    "publish": "put the trained networks into a model folder",
    "evaluate": "compare a model with the truth: section 3 of the paper",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. argv: without the program's name; None takes the process's."""
    open_missing_streams()
    typed = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(typed).parse_args(typed)
    return guarded(
        lambda display, interruption: arguments.run(arguments, display, interruption),
        progress=arguments.progress,
        debug=arguments.debug,
    )


def _parser(typed: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of what was typed: the options of a command are known when its name is among it."""
    parser = argparse.ArgumentParser(
        prog="pdac-screening",
        description="Finds pancreatic ductal adenocarcinoma on abdominal CT by segmentation for classification.",
        epilog=f"'pdac-screening COMMAND --help' tells more and gives examples.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pdac-screening {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in typed:
            import_module(f"PDACScreeningLib.commands.{name.replace('-', '_')}").add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
