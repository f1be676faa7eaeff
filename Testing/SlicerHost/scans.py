"""CT nodes and result folders that are known beforehand, without a network."""

from dataclasses import replace

import numpy as np
import slicer
import vtk
from sample_screenings import INDETERMINATE, SUSPICIOUS

from PDACScreeningLib.config import PAPER_SCALES, ComponentFilter, DecisionRule, ScoreWeights, WindowSpec
from PDACScreeningLib.digests import voxels_sha256
from PDACScreeningLib.mrml.ct_volume_node import ct_volume_from_node
from PDACScreeningLib.mrml.new_volume_node import add_ct
from PDACScreeningLib.protocol import Protocol
from PDACScreeningLib.screening_result import InputFacts
from PDACScreeningLib.session.answer import Answer
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label, LabelMap
from PDACScreeningLib.volume.part import VolumePart

TILT = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)  # turned about the long axis of the body
GEOMETRY = Geometry((20, 30, 40), (2.0, 2.0, 2.0), (-30.0, 12.0, 100.0), TILT)
PROTOCOL = Protocol(
    name="exact",
    working_spacing_mm=2.0,
    working_spacing_mm_xyz=(2.0, 2.0, 2.0),
    windows=tuple(WindowSpec.of_paper(scale) for scale in PAPER_SCALES),
    roi_margin_voxels=32,
    components=ComponentFilter(),
    decision=DecisionRule(),
    score=ScoreWeights(),
)


def labels():
    """800 voxels of pancreas around 64 voxels of tumor."""
    values = np.zeros(GEOMETRY.shape, np.uint8)
    values[5:13, 10:20, 10:20] = Label.PANCREAS
    values[7:11, 12:16, 12:16] = Label.TUMOR
    return LabelMap(values, GEOMETRY)


def ct_node(scene, name="CT"):
    """A CT whose tumor is darker than its pancreas."""
    noise = np.random.default_rng(0).integers(-5, 6, GEOMETRY.shape)
    hu = np.array([60, 110, 40])[labels().labels] + noise
    hu[:, :, :6] = hu[:, :, 34:] = -1000
    return add_ct(scene, CTVolume(hu.astype(np.int16), GEOMETRY), name)


def facts(node):
    """What a screening says of its input."""
    ct = ct_volume_from_node(node)
    grid, hu_range = ct.geometry, (int(ct.hu.min()), int(ct.hu.max()))
    digest = voxels_sha256(ct.hu)
    return InputFacts("NRRD", grid.shape, grid.spacing_mm, grid.origin_mm, grid.direction, digest, hu_range)


def part(array):
    """A (z, y, x) array on the grid of the CT, without what is 0 around it."""
    return VolumePart.of(array, GEOMETRY)


def probability():
    """0.9 in the tumor, 0.2 elsewhere."""
    return np.where(labels().labels == Label.TUMOR, np.float32(0.9), np.float32(0.2))


def result_folder(folder, node, *, indeterminate=False, anatomy=None):
    """What a screening of the node would have left behind. anatomy: vessels and ducts, of a model that sees them."""
    sample = INDETERMINATE if indeterminate else replace(SUSPICIOUS, tumor_voxels=64, pancreas_voxels=736)
    screening = replace(sample, input=facts(node), protocol=PROTOCOL)
    voxels = {} if indeterminate else {"label_map": labels(), "probability": VolumePart.of(probability(), GEOMETRY)}
    return Answer(screening, **voxels, anatomy=anatomy).save(folder)


def paint(segmentation_node, volume_node, segment_id, mask):
    """Set a segment to a (z, y, x) mask, as an effect of the Segment Editor does."""
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), segmentation_node, segment_id, volume_node)


def moved(scene, node):
    """Put a node under a translation of (10, 20, 30) mm in RAS."""
    matrix = vtk.vtkMatrix4x4()
    for row, value in enumerate((10.0, 20.0, 30.0)):
        matrix.SetElement(row, 3, value)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix)
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform
