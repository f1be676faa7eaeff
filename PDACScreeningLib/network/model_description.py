"""What a model says of itself: `model.json`. Readable without torch, so that Slicer's own process can list models."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PDACScreeningLib.config import EngineName, ScreeningConfig
from PDACScreeningLib.errors import ModelError
from PDACScreeningLib.network.measured_performance import MeasuredPerformance
from PDACScreeningLib.network.model_places import imported_models, own_models
from PDACScreeningLib.network.nnunet_model import NnunetModel
from PDACScreeningLib.plain_data import from_plain, to_plain
from PDACScreeningLib.screening_result import ModelFacts
from PDACScreeningLib.strict_json import read_json
from PDACScreeningLib.training_range import TrainingRange

FORMAT_VERSION = 1
MAX_MIN_SCORE = 0.99  # ours: scores stay below 1
MAX_MIN_TUMOR_VOXELS = 10_000  # ours: seven times the paper's largest K; with more, a model calls no scan suspicious
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class ModelDescription:
    """The content of `model.json`."""

    name: str
    trained_on: str  # one sentence
    is_demo: bool
    config: ScreeningConfig
    weights_sha256: str  # of weights.safetensors; of an nnU-Net, of the digests of its files
    notice: str = ""  # shown on every output, e.g. "demo model, trained on synthetic phantoms only"
    performance: str = ""  # one sentence of measured figures and what they were measured on; empty = unknown
    training: dict[str, dict[str, str]] = field(default_factory=dict)  # patch size -> provenance of its training
    measured: MeasuredPerformance | None = None  # the figures behind `performance`; None = only the sentence, if any
    format_version: int = FORMAT_VERSION
    description_sha256: str = ""  # of all the rest, so that no changed number goes unseen; `sealed` sets it
    engine: EngineName = "zhu2019"  # what is s in y = c(s(X)); `config` says what c does, whatever the engine
    training_range: TrainingRange | None = None  # what the scans it learned from were like; None = not recorded
    nnunet: NnunetModel | None = None  # of the engine nnunet-v2, in place of the scales and the network of `config`

    def __post_init__(self) -> None:
        if (self.engine == "nnunet-v2") != (self.nnunet is not None):
            raise ValueError(f"engine is {self.engine}, which does not fit what is said of an nnU-Net")

    def facts(self, chosen_because: str) -> ModelFacts:
        """What a screening result says of its model."""
        return ModelFacts(
            name=self.name,
            trained_on=self.trained_on,
            notice=self.notice,
            is_demo=self.is_demo,
            weights_sha256=self.weights_sha256,
            chosen_because=chosen_because,
            performance=self.performance,
            scores_with=() if self.measured is None else self.measured.scores_with,
            scores_without=() if self.measured is None else self.measured.scores_without,
        )


def sealed(description: ModelDescription) -> ModelDescription:
    """The same description with the digest of its content."""
    return replace(description, description_sha256=_content_sha256(to_plain(description)))


def _content_sha256(content: dict[str, Any]) -> str:
    """Digest of what `model.json` says, whatever its spaces and line ends."""
    rest = {key: value for key, value in content.items() if key != "description_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_description(folder: Path) -> ModelDescription:
    """Read `model.json`. Raises ModelError when it is missing, damaged, changed, not sealed or of another version."""
    path = folder / DESCRIPTION
    try:
        content = read_json(path)
        description = from_plain(ModelDescription, content)
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} is not a model: {DESCRIPTION} is missing; `pdac-screening models` lists models"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{DESCRIPTION} in {folder} cannot be used: {error}; copy the model again") from error
    if description.format_version != FORMAT_VERSION:
        found = description.format_version
        raise ModelError(
            f"{folder} has model format {found}, this version reads {FORMAT_VERSION}; use a matching version"
        )
    if description.description_sha256 != _content_sha256(content):
        raise ModelError(
            f"{DESCRIPTION} in {folder} is not as it was written; copy the model again, or publish it again"
        )
    rule = description.config.decision
    if rule.min_tumor_voxels > MAX_MIN_TUMOR_VOXELS or (rule.min_score or 0.0) > MAX_MIN_SCORE:
        asked = f"{rule.min_tumor_voxels} tumor voxels" if rule.min_score is None else f"a score of {rule.min_score}"
        raise ModelError(f"the model in {folder} calls no scan suspicious: it asks for {asked}")
    return description


def available_models() -> list[Path]:
    """Folders of the models that are found by name: those of the project, then those that a user imported."""
    return [
        path.parent
        for place in dict.fromkeys((own_models(), imported_models()))
        for path in sorted(place.glob(f"*/{DESCRIPTION}"))
    ]
