"""How an answer was computed: the numbers of the method that were in force, as a result carries them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

from PDACScreeningLib.config import AssessmentRule, ComponentFilter, DecisionRule, ScoreWeights, WindowSpec
from PDACScreeningLib.meaning import Checked, Meaning, check_values
from PDACScreeningLib.training_range import TrainingRange
from PDACScreeningLib.volume.geometry import XYZ


@dataclass(frozen=True)
class Ensemble(Checked):
    """How an imported nnU-Net ran, and what its own grid makes of the rule."""

    folds: Annotated[tuple[str, ...], Meaning("Which of its trainings answered; their mean is the answer.")]
    mirrored: Annotated[
        bool, Meaning("Whether every window was also shown mirrored, along the axes it was trained to be mirrored.")
    ]
    steps: Annotated[int, Meaning("1, or 2 where a first network finds the region for the second.", minimum=1)]
    spacing_mm_xyz: Annotated[
        XYZ, Meaning("Voxel spacing of the model's own grid along (x, y, z) in millimeters.", above=0)
    ]
    min_tumor_voxels: Annotated[
        int,
        Meaning(
            "K on the model's own grid. The rule counts as many voxels of the working grid as have this volume.",
            minimum=1,
        ),
    ]
    published_score: Annotated[
        float | None,
        Meaning(
            "The operating point that the model's authors publish, on `candidate_score`; null when none is known.",
            above=0,
            maximum=1,
        ),
    ] = None


@dataclass(frozen=True)
class Protocol:
    """How the answer was computed: the configuration's own values for section 2.3 that were in force."""

    name: Annotated[
        str,
        Meaning(
            'Name of the protocol: "exact" is the method of the paper, "fast" runs the same networks on fewer windows. '
            'After a close call of `fast` it is "exact", and a warning tells so. "given labels": no network ran.'
        ),
    ]
    working_spacing_mm: Annotated[
        float | None, Meaning("Spacing of the working grid that was asked for; null is the scan's own.", above=0)
    ]
    working_spacing_mm_xyz: Annotated[
        XYZ, Meaning("Voxel spacing of the working grid along (x, y, z) in millimeters.", above=0)
    ]
    windows: Annotated[tuple[WindowSpec, ...], Meaning("Sliding windows, coarse to fine.")]
    roi_margin_voxels: Annotated[
        int, Meaning("Margin around the coarse pancreas and tumor that the fine networks search.", minimum=0)
    ]
    components: Annotated[ComponentFilter, Meaning("Which connected components stay.")]
    decision: Annotated[DecisionRule, Meaning("When a scan is called suspicious.")]
    score: Annotated[ScoreWeights, Meaning("What the score is made of.")]
    assessment: Annotated[AssessmentRule, Meaning("When the absence of a tumor is believed.")] = field(
        default_factory=AssessmentRule
    )
    combination: Annotated[
        str,
        Meaning(
            'How the networks are combined: "mean" of probabilities (the paper), or "log_mean", of their logarithms.',
            pattern="^(mean|log_mean)$",
        ),
    ] = "mean"
    min_tumor_probability: Annotated[
        float, Meaning("A voxel is tumor only above this probability; 0 is the paper's rule.", minimum=0, maximum=1)
    ] = 0.0
    ensemble: Annotated[
        Ensemble | None, Meaning("How an imported nnU-Net ran; null for the networks of the paper and given labels.")
    ] = None
    training_range: Annotated[
        TrainingRange | None, Meaning("What the scans of the training were like; null where the model does not tell.")
    ] = None

    def __post_init__(self) -> None:
        check_values(self)

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel of the working grid."""
        return math.prod(self.working_spacing_mm_xyz)

    @property
    def min_tumor_volume_mm3(self) -> float:
        """K as a volume."""
        return self.decision.min_tumor_voxels * self.voxel_mm3
