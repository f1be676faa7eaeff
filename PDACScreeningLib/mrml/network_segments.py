"""What each network alone segmented, as segments of a node of their own: hidden until a reader asks for one of them.

Nothing is scored, edited or accepted there: the answer is the mean of the networks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PDACScreeningLib.mrml.segmentation_node import add_segment, new_segmentation
from PDACScreeningLib.network_labels import NetworkLabels
from PDACScreeningLib.report.segment_terminology import segment_terminology
from PDACScreeningLib.screening_result import ModelFacts
from PDACScreeningLib.volume.label_map import Label

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSegmentationNode

_THIN_PIXELS = 1  # beside the two of the answer
_SEPARATOR = " alone."  # of the network's name and the segment's in the id


def show_networks(
    scene: vtkMRMLScene,
    labels: NetworkLabels,
    volume_node: vtkMRMLScalarVolumeNode,
    name: str,
    model: ModelFacts | None,
) -> vtkMRMLSegmentationNode:
    """A new segmentation node with pancreas and tumor of each network, under the transform of the CT; all are hidden.

    Raises GeometryMismatch when the labels lie on another grid than the CT.
    """
    node = new_segmentation(scene, labels.packed.geometry, volume_node, name)
    display, colors = node.GetDisplayNode(), segment_terminology().network_colors
    for place, network in enumerate(labels.names):
        for segment in segment_terminology().segments:
            own = replace(
                segment,
                id=f"{network}{_SEPARATOR}{segment.id}",
                name=f"{segment.name}, {network} alone",
                color=colors[place % len(colors)],
            )
            add_segment(node, own, labels.labels_of(network), volume_node, model)
            display.SetSegmentVisibility(own.id, False)
            display.SetSegmentVisibility2DFill(own.id, segment.label == Label.TUMOR)
    display.SetVisibility2DFill(True)
    display.SetSliceIntersectionThickness(_THIN_PIXELS)
    return node


def networks_of(node: vtkMRMLSegmentationNode) -> tuple[str, ...]:
    """The names of the networks whose segments a node holds, in their order."""
    return tuple(dict.fromkeys(identifier.partition(_SEPARATOR)[0] for identifier in _segment_ids(node)))


def is_network_shown(node: vtkMRMLSegmentationNode, network: str) -> bool:
    """Whether a reader looks at what this network alone segmented."""
    return any(node.GetDisplayNode().GetSegmentVisibility(identifier) for identifier in _segment_ids(node, network))


def show_network(node: vtkMRMLSegmentationNode, network: str, visible: bool) -> None:
    """Show or hide what one network alone segmented."""
    for identifier in _segment_ids(node, network):
        node.GetDisplayNode().SetSegmentVisibility(identifier, visible)


def network_color(node: vtkMRMLSegmentationNode, network: str) -> str:
    """Of its segments, #rrggbb."""
    red, green, blue = node.GetSegmentation().GetSegment(_segment_ids(node, network)[0]).GetColor()
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def _segment_ids(node: vtkMRMLSegmentationNode, network: str | None = None) -> list[str]:
    """Of our own segments; a reader may have added others."""
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    own = [identifier for identifier in ids if _SEPARATOR in identifier]
    return own if network is None else [name for name in own if name.startswith(f"{network}{_SEPARATOR}")]
