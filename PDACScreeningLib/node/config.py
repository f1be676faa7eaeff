"""What a node is told by its TOML file: plain values, checked at birth, each error a sentence that names its key."""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from PDACScreeningLib.config import DEFAULT_PROTOCOL, DEVICES, PRECISIONS, ProtocolName
from PDACScreeningLib.dicom.options import DEFAULT_KIND, SegmentationKind
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.plain_data import from_plain

GIB = 2**30


def _require(holds: bool, key: str, expected: str, found: object) -> None:
    if not holds:
        raise ValueError(f"{key} must be {expected}, got {found!r}")


def _require_positive(section: str, value: object, *names: str) -> None:
    for name in names:
        number = getattr(value, name)
        _require(0 < number < float("inf"), f"{section}.{name}", "a number above 0", number)


def _require_title(key: str, title: str) -> None:
    sound = 0 < len(title) <= 16 and title.isascii() and title.isprintable() and title == title.strip()
    _require(sound and "\\" not in title, key, "an AE title of 1 to 16 printable characters", title)


@dataclass(frozen=True)
class Tls:
    """Files of a TLS connection, PEM. The peer must show a certificate of these authorities too."""

    certificate: str
    key: str
    authorities: str


@dataclass(frozen=True)
class Listening:
    """[node]: who we are and who may send."""

    ae_title: str = "PDAC"
    host: str = "127.0.0.1"  # the address to listen on
    port: int = 11112
    beyond_this_machine: bool = False  # must be said where `host` is not this machine's own address
    callers: tuple[str, ...] = ()  # AE titles that may send; none named: everybody on this machine
    max_associations: int = 20
    timeout_s: float = 60.0  # a peer that is silent for so long is cut off
    tls: Tls | None = None

    def __post_init__(self) -> None:
        _require_title("node.ae_title", self.ae_title)
        for title in self.callers:
            _require_title("node.callers", title)
        _require(0 < self.port < 65536, "node.port", "a port from 1 to 65535", self.port)
        _require_positive("node", self, "max_associations", "timeout_s")
        if _is_this_machine(self.host):
            return
        if not self.beyond_this_machine:
            raise ValueError(
                f"node.host {self.host} can be reached from other machines; say node.beyond_this_machine = true if "
                "that is meant"
            )
        if not self.callers:
            raise ValueError(f"node.callers must name who may send, because node.host {self.host} can be reached")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class SpoolSpace:
    """[spool]: where received images wait, and how much of the disk they may take."""

    folder: str
    max_gib: float = 100.0
    keep_free_gib: float = 1.0  # of the disk; below it nothing more is taken
    retention_days: float = 7.0  # images and results of a series that has ended go after that

    def __post_init__(self) -> None:
        _require(bool(self.folder), "spool.folder", "a folder", self.folder)
        _require_positive("spool", self, "max_gib", "retention_days")
        _require(self.keep_free_gib >= 0, "spool.keep_free_gib", "a number from 0", self.keep_free_gib)


@dataclass(frozen=True)
class Completeness:
    """[completeness]: when a series is believed to be whole."""

    quiet_s: float = 30.0  # without another image
    ask_pacs: bool = True  # wait until as many images came as the PACS holds
    patience_s: float = 3600.0  # after the last image; then a series that lacks images is refused

    def __post_init__(self) -> None:
        _require_positive("completeness", self, "quiet_s", "patience_s")
        _require(self.patience_s >= self.quiet_s, "completeness.patience_s", "quiet_s or more", self.patience_s)


@dataclass(frozen=True)
class Rules:
    """[rules]: which series are screened. Words are parts of a text, in any case; an empty list asks for nothing."""

    min_images: int = 20
    max_thickness_mm: float = 5.0
    description_contains: tuple[str, ...] = ()  # one of them in the description of the series
    description_excludes: tuple[str, ...] = ()  # none of them
    body_parts: tuple[str, ...] = ()
    image_type_excludes: tuple[str, ...] = ("LOCALIZER", "SECONDARY")

    def __post_init__(self) -> None:
        _require_positive("rules", self, "min_images", "max_thickness_mm")


@dataclass(frozen=True)
class ScreeningChoices:
    """[screening]: with what. The names are those of the options of `pdac-screening screen`."""

    model: str
    protocol: ProtocolName = DEFAULT_PROTOCOL
    device: str = "auto"
    precision: str = "auto"
    memory_gib: float | None = None
    segmentation: SegmentationKind = DEFAULT_KIND
    probability: bool = False
    key_objects: bool = False
    python: str | None = None  # that runs the screening; none: this one
    timeout_s: float = 7200.0
    attempts: int = 3  # that may fail before a series is given up

    def __post_init__(self) -> None:
        _require(self.device in DEVICES, "screening.device", f"one of {', '.join(DEVICES)}", self.device)
        _require(self.precision in PRECISIONS, "screening.precision", f"one of {', '.join(PRECISIONS)}", self.precision)
        _require_positive("screening", self, "timeout_s", "attempts")


@dataclass(frozen=True)
class Pacs:
    """[pacs]: whom to ask how many images there are, and where results go."""

    ae_title: str
    host: str
    port: int
    commitment: bool = False  # ask the PACS to confirm that it keeps the results
    timeout_s: float = 30.0
    tls: Tls | None = None

    def __post_init__(self) -> None:
        _require_title("pacs.ae_title", self.ae_title)
        _require(0 < self.port < 65536, "pacs.port", "a port from 1 to 65535", self.port)
        _require_positive("pacs", self, "timeout_s")


@dataclass(frozen=True)
class DicomWeb:
    """[dicomweb]: where `--from-dicomweb` looks for series."""

    url: str
    user: str | None = None
    password_file: str | None = None
    days: int = 1  # how far back studies are looked for, today included
    poll_s: float = 60.0

    def __post_init__(self) -> None:
        _require(self.url.startswith(("http://", "https://")), "dicomweb.url", "an http address", self.url)
        both = (self.user is None) == (self.password_file is None)
        _require(both, "dicomweb.password_file", "given together with dicomweb.user", self.password_file)
        _require_positive("dicomweb", self, "days", "poll_s")


@dataclass(frozen=True)
class Results:
    """[results]: what is sent back, and how stubbornly."""

    outcomes: tuple[Outcome, ...] = (Outcome.SUSPICIOUS, Outcome.NOT_SUSPICIOUS, Outcome.INDETERMINATE)
    key_images: bool = True
    retry_s: float = 30.0  # doubled with every attempt, up to an hour
    give_up_days: float = 7.0

    def __post_init__(self) -> None:
        _require_positive("results", self, "retry_s", "give_up_days")


@dataclass(frozen=True)
class NodeConfig:
    """A whole file; its tables are the fields."""

    spool: SpoolSpace
    screening: ScreeningChoices
    pacs: Pacs
    node: Listening = field(default_factory=Listening)
    completeness: Completeness = field(default_factory=Completeness)
    rules: Rules = field(default_factory=Rules)
    results: Results = field(default_factory=Results)
    dicomweb: DicomWeb | None = None


def read_config(path: Path) -> NodeConfig:
    """The configuration of a file. Raises UsageError with a sentence that names the file and the key."""
    try:
        return config_of(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # tomllib's error and those of UTF-8 are ValueErrors
        raise UsageError(f"{path}: {error}") from error


def config_of(data: Any) -> NodeConfig:
    """The configuration of plain data. Raises ValueError naming the key."""
    known = {item.name for item in fields(NodeConfig)}
    try:
        return from_plain(NodeConfig, data)
    except ValueError as error:
        sentence = str(error).removeprefix("NodeConfig.").replace("NodeConfig: ", "")
        if sentence.startswith(("unknown key", "missing key")):
            sentence = sentence.split(";")[0].replace("key(s)", "table(s)") + f"; there are {', '.join(sorted(known))}"
        raise ValueError(sentence.removesuffix("; was it written by a newer version?")) from error
