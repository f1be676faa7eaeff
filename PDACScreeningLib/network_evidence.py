"""What one network, or one training of an ensemble, says alone: part of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from PDACScreeningLib.meaning import Checked, Meaning


@dataclass(frozen=True)
class ScaleEvidence(Checked):
    """What one network alone would say, after the component filter, on the working grid."""

    patch_size: Annotated[
        int, Meaning("Side of the network's window in voxels: 64, 32 or 16; of an nnU-Net the longest one.", minimum=1)
    ]
    pancreas_voxels: Annotated[int, Meaning("Voxels labeled pancreas, outside the tumor.", minimum=0)]
    tumor_voxels: Annotated[int, Meaning("Voxels labeled tumor.", minimum=0)]
    mean_tumor_probability: Annotated[
        float | None,
        Meaning(
            "Mean softmax output for the class tumor over this network's own tumor voxels; null when there are none.",
            minimum=0,
            maximum=1,
        ),
    ]
    windows: Annotated[int, Meaning("Windows evaluated.", minimum=0)]
    windows_skipped: Annotated[int, Meaning("Windows not evaluated because they hold no body.", minimum=0)]
    name: Annotated[
        str, Meaning('Of a training of an ensemble, such as "fold 0"; empty for a network of the paper.')
    ] = ""

    @property
    def title(self) -> str:
        """How it is called: "fold 0", or "64^3" by its window."""
        return self.name or f"{self.patch_size}^3"
