"""The command line `pdac-screening`, also `python -m PDACScreeningLib`: argument parsing, nothing else.

Each `add_<command>_parser` describes one sub-command and names what runs it. Commands are imported when they run, so
that `--help` needs neither torch nor SimpleITK.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from PDACScreeningLib import __version__
from PDACScreeningLib.commands.arguments import EXIT_CODES
from PDACScreeningLib.commands.dataset_arguments import add_prepare_parser, add_split_parser
from PDACScreeningLib.commands.evaluation_arguments import add_evaluate_parser, add_publish_parser
from PDACScreeningLib.commands.guard import guarded
from PDACScreeningLib.commands.machine_arguments import add_check_parser, add_models_parser
from PDACScreeningLib.commands.phantom_arguments import add_phantom_cohort_parser, add_phantom_parser
from PDACScreeningLib.commands.screen_arguments import add_screen_parser
from PDACScreeningLib.commands.train_arguments import add_train_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. argv: without the program's name; None takes the process's."""
    arguments = _parser().parse_args(argv)
    return guarded(
        lambda display, interruption: arguments.run(arguments, display, interruption),
        progress=arguments.progress,
        debug=arguments.debug,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pdac-screening",
        description="Finds pancreatic ductal adenocarcinoma on abdominal CT by segmentation for classification.",
        epilog=f"'pdac-screening COMMAND --help' tells more and gives examples.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pdac-screening {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_screen_parser(commands)
    add_models_parser(commands)
    add_check_parser(commands)
    add_phantom_parser(commands)
    add_phantom_cohort_parser(commands)
    add_prepare_parser(commands)
    add_split_parser(commands)
    add_train_parser(commands)
    add_publish_parser(commands)
    add_evaluate_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
