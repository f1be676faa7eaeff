"""Watching what a shown result rests on. VTKObservationMixin would keep every CT it once observed in memory."""

import slicer
import vtk

_SEGMENT_EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,  # all that Undo and Redo of the Segment Editor tell
    slicer.vtkSegmentation.ContainedRepresentationNamesModified,
)


class WatchedNodes:
    """Segments and CT of one result: whatever happens to them is told."""

    def __init__(self, on_change):
        """on_change: called with caller and event of VTK."""
        self._on_change = on_change
        self.nodes = []
        self._tags = []  # (object, tag) of what is observed of them

    def follow(self, result):
        """Watch another result from now on. result: a ShownResult; None watches nothing."""
        nodes = [result.segmentation_node, result.volume_node] if result else []
        if nodes == self.nodes:
            return
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self.nodes = nodes
        watched = [(node, vtk.vtkCommand.ModifiedEvent) for node in nodes if node is not None]  # name and transform
        if result is not None:
            segmentation = result.segmentation_node.GetSegmentation()
            watched += [(segmentation, event) for event in _SEGMENT_EVENTS]
            if result.volume_node is not None:
                watched.append((result.volume_node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent))
        self._tags = [(node, node.AddObserver(event, self._on_change)) for node, event in watched]
