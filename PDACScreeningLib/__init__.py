"""PDACScreening: segmentation for classification of pancreatic ductal adenocarcinoma on abdominal CT.

Implements Zhu, Xia, Xie, Fishman, Yuille, "Multi-Scale Coarse-to-Fine Segmentation for Screening Pancreatic
Ductal Adenocarcinoma", MICCAI 2019. Research use only; not a medical device.

    import PDACScreeningLib as pdac

    answer = pdac.Screener("demo-phantom").screen("ct.nii.gz", protocol="fast")
    answer                              # in a notebook: the report
    answer.screening.findings           # the numbers
    answer.save("result")               # the files of the command line
    pdac.read_result("result")          # the same answer, read back
    pdac.score_segmentation(ct, labels) # the rule, the findings and the report for labels from elsewhere
    pdac.train(cases, patch_size=16, output="run")

Importing this package imports nothing heavy, neither torch nor SimpleITK: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PDACScreeningLib.session.answer import Answer
    from PDACScreeningLib.session.given_labels import score_segmentation
    from PDACScreeningLib.session.own_training import train
    from PDACScreeningLib.session.screener import Screener
    from PDACScreeningLib.session.stored_result import read_result
    from PDACScreeningLib.volume.ct_volume import CTVolume
    from PDACScreeningLib.volume.geometry import Geometry
    from PDACScreeningLib.volume.label_map import Label, LabelMap

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "CTVolume",
    "Geometry",
    "Label",
    "LabelMap",
    "Screener",
    "__version__",
    "read_result",
    "score_segmentation",
    "train",
]

_PLACES = {
    "Answer": "session.answer",
    "CTVolume": "volume.ct_volume",
    "Geometry": "volume.geometry",
    "Label": "volume.label_map",
    "LabelMap": "volume.label_map",
    "Screener": "session.screener",
    "read_result": "session.stored_result",
    "score_segmentation": "session.given_labels",
    "train": "session.own_training",
}


def __getattr__(name: str) -> Any:
    """The front door: what a notebook needs, loaded when it is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
