"""What may be s in y = c(s(X)): an engine gives labels and tumor probability on a grid; the rest is one chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol as Interface
from typing import TypedDict

from PDACScreeningLib.config import ProtocolName, ScreeningConfig, WindowSpec
from PDACScreeningLib.inference.coarse_to_fine import Segmentation, segment, windows_of
from PDACScreeningLib.inference.sliding_window import WindowNetwork
from PDACScreeningLib.progress import OnProgress
from PDACScreeningLib.protocol import Ensemble
from PDACScreeningLib.training_range import TrainingRange
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry

NO_PANCREAS = (
    "The coarse scan found no pancreas; check that the scan shows the upper abdomen in the portal venous phase and "
    "that the model suits it. This is not a normal result."
)


class How(TypedDict, total=False):
    """The choices of a scan that reach an engine; an option more is typed here and where it is used."""

    protocol: ProtocolName  # "exact" where it is not given


class Engine(Interface):
    """A model that is ready. It answers on the grid it is asked on; `config` says which grid that is to be."""

    @property
    def config(self) -> ScreeningConfig:
        """Working grid, component rule, decision, score and assessment of the model."""

    @property
    def network_names(self) -> tuple[str, ...]:
        """Of the networks whose answers are combined, in the order of `Segmentation.scales`."""

    @property
    def training_range(self) -> TrainingRange | None:
        """What the scans of its training were like; None where the model does not tell."""

    @property
    def no_pancreas(self) -> str:
        """Why there is no answer when `segment` gives None, in a sentence or two."""

    def config_on(self, working: Geometry) -> ScreeningConfig:
        """`config` with the numbers that hold on this grid: a K that is a volume is another count there."""

    def windows(self, protocol: ProtocolName) -> tuple[WindowSpec, ...]:
        """The cubic windows of a protocol, coarse to fine; () where windows are no cubes."""

    def ensemble(self, working: Geometry) -> Ensemble | None:
        """How an imported nnU-Net runs on this grid; None for the networks of the paper."""

    def segment(
        self, ct: CTVolume, on_progress: OnProgress, *, protocol: ProtocolName = "exact"
    ) -> Segmentation | None:
        """Pancreas and tumor of a volume on its own grid; None when no pancreas was found.

        Raises ModelError when an answer cannot be used; passes on what `on_progress` raises.
        """


@dataclass(frozen=True)
class CoarseToFine:
    """The networks of the paper, by patch size (section 2.3). Raises ValueError when one is missing.

    in_full_precision: the same networks without rounding to few bits, asked when the answer lies near the rule
    (ADR 0026); None where `networks` are those already.
    """

    networks: Mapping[int, WindowNetwork]
    config: ScreeningConfig
    in_full_precision: Callable[[], Mapping[int, WindowNetwork]] | None = None
    training_range: TrainingRange | None = None

    def __post_init__(self) -> None:
        missing = [f"{scale.patch_size}^3" for scale in self.config.scales if scale.patch_size not in self.networks]
        if missing:
            raise ValueError(f"the configuration names networks that are not there: {', '.join(missing)}")

    @property
    def network_names(self) -> tuple[str, ...]:
        return tuple(f"{scale.patch_size}^3" for scale in self.config.scales)

    @property
    def no_pancreas(self) -> str:
        return NO_PANCREAS

    def config_on(self, working: Geometry) -> ScreeningConfig:
        return self.config

    def windows(self, protocol: ProtocolName) -> tuple[WindowSpec, ...]:
        return tuple(windows_of(scale, self.config, protocol) for scale in self.config.scales)

    def ensemble(self, working: Geometry) -> Ensemble | None:
        return None

    def segment(
        self, ct: CTVolume, on_progress: OnProgress, *, protocol: ProtocolName = "exact"
    ) -> Segmentation | None:
        full = self.in_full_precision
        return segment(ct, self.networks, self.config, on_progress, protocol=protocol, in_full_precision=full)
