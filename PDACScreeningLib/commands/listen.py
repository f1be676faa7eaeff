"""`pdac-screening listen`: a DICOM node that a PACS sends series to, and that sends results back."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.node.config import NodeConfig, read_config
from PDACScreeningLib.node.status import read_status, status_text
from PDACScreeningLib.plain_data import to_plain
from PDACScreeningLib.terminal.arguments import add_json, describe
from PDACScreeningLib.terminal.display import Display
from PDACScreeningLib.terminal.exit_codes import DONE, FAILED
from PDACScreeningLib.terminal.interruption import Interruption, StopRequest

_PACKAGES = {"pynetdicom": "node", "highdicom": "dicom"}
_WEB_PACKAGE = "dicomweb_client"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `listen`."""
    describe(
        parser,
        run_listen,
        description="Receives CT series by DICOM (C-STORE), screens each once it is whole, and sends segmentation,\n"
        "report and key images back to the PACS. CONFIG is a TOML file (docs/node.md). The node runs until SIGTERM\n"
        "or Ctrl-C and then ends with exit code 0 within 30 s; what was under way goes on at the next start. Exit\n"
        "code 2: the configuration cannot be used; 5: the node broke down, or with --status: it is not running.",
        examples=("pdac-screening listen node.toml", "pdac-screening listen node.toml --status --json"),
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="TOML file")
    parser.add_argument("--status", action="store_true", help="tell how the node stands, and end")
    parser.add_argument(
        "--from-dicomweb", action="store_true", help="also fetch new CT series from the DICOMweb server of [dicomweb]"
    )
    add_json(parser)


def run_listen(arguments: argparse.Namespace, display: Display, _interruption: Interruption) -> int:
    """Run a node until it is stopped, or tell its status. Raises UsageError when nothing was started."""
    config = read_config(arguments.config)
    if arguments.status:
        return _show_status(config, display, as_json=arguments.json)
    _require_packages(arguments.from_dicomweb)
    from PDACScreeningLib.node.node import Node

    if arguments.from_dicomweb and config.dicomweb is None:
        raise UsageError(f"{arguments.config}: --from-dicomweb needs the table [dicomweb]")
    with StopRequest() as stop:
        tell = _log(display)
        node = Node(config, tell)
        if arguments.from_dicomweb and config.dicomweb is not None:
            from PDACScreeningLib.node.dicomweb_door import DicomWebDoor

            node.more_steps["fetching"] = DicomWebDoor(config.dicomweb, node.spool, tell).step
        return DONE if node.run(stop) else FAILED


def _show_status(config: NodeConfig, display: Display, *, as_json: bool) -> int:
    status = read_status(config.spool)
    plain = to_plain(status)
    display.result(json.dumps(plain, indent=2) if as_json else status_text(status), plain)
    return DONE if status.running else FAILED


def _log(display: Display) -> Callable[[str], None]:
    """Lines with the time of the machine, UTC."""
    return lambda line: display.notice(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}")


def _require_packages(from_dicomweb: bool) -> None:
    wanted = {**_PACKAGES, **({_WEB_PACKAGE: "node"} if from_dicomweb else {})}
    missing = [package for package in wanted if find_spec(package) is None]
    if missing:
        raise UsageError(
            f"a node needs the Python package {missing[0]}; install it with: pip install 'pdac-screening[node]'"
        )
