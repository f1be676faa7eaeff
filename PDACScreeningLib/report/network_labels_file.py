"""`network_labels.nrrd`: what each network alone segmented, for looking at them one by one. No score rests on it."""

from pathlib import Path

from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.nrrd_file import write_nrrd
from PDACScreeningLib.report.segmentation_file import notice
from PDACScreeningLib.screening_result import ModelFacts


def write_network_labels(labels: NetworkLabels, path: Path, model: ModelFacts | None = None) -> Path:
    """Write the packed labels on the scan's own grid. Raises WriteError when the file did not read back as written."""
    fields = {
        "PDACScreening_Networks": ", ".join(labels.names),
        "PDACScreening_Packing": "label of network i: value >> 2 i & 3; 0 background, 1 pancreas, 2 tumor",
        "PDACScreening_Notice": notice(model),
    }
    return write_nrrd(labels.packed.planes, labels.packed.geometry, fields, path)
