"""What the panel asks for, and what scripts call. Slicer finds the class in PDACScreening.py, which imports it."""

import time
from pathlib import Path

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from PDACScreeningLib.child_run.warm_worker import WarmWorker

WAITING_INTERVAL_S = 0.1


@parameterNodeWrapper
class PDACScreeningParameterNode:
    """What the panel remembers with the scene."""

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    result: slicer.vtkMRMLSegmentationNode
    choices: str = "{}"  # JSON: fields of the requests by name, as the selectors of the panel stand


class PDACScreeningLogic(ScriptedLoadableModuleLogic):
    """What the panel asks for, and what scripts call: `PDACScreeningLogic().screen(volumeNode)`."""

    # of a screening; None looks PythonSlicer up when it starts: while this file is read, nobody knows it
    python = None
    workers = WarmWorker()  # of all logics: the next screening finds the model loaded
    _digests = None

    def getParameterNode(self):
        """The typed parameter node of the scene."""
        return PDACScreeningParameterNode(super().getParameterNode())

    def screen(self, volumeNode, waitForCompletion=True, **choices):
        """Screen a CT in a process of its own and add the result to the scene.

        choices: fields of PDACScreeningLib's ModelRequest and ScanRequest by name. model="demo-phantom": name of an
        installed model or a folder; without one the only installed model that is not a demo. device="cpu". protocol:
        "exact", every window of the paper, or "fast", fewer of them.
        Returns the Screening with the numbers of the command line. Raises RuntimeError with one sentence when there is
        none. With waitForCompletion=False returns the run at once: call its `poll()` until its `end` is there.
        """
        from PDACScreeningLib.mrml.screening_run import ScreeningRun

        run = ScreeningRun(
            slicer.mrmlScene,
            volumeNode,
            workers=self.workers,
            python=self.python,
            temporary_folder=temporary_folder(),
            value_of=dicom_value,
            **choices,
        )
        if not waitForCompletion:
            return run
        while run.end is None:
            time.sleep(WAITING_INTERVAL_S)
            slicer.app.processEvents()  # Slicer stays alive while a script waits
            run.poll()
        if run.end.screening is None:
            raise RuntimeError(f"{run.end.problem.sentence} {run.end.problem.remedy}".strip())
        return run.end.screening

    def shown_result(self, segmentationNode, wait=True):
        """What the panel shows of a result; None for None and for a segmentation that is no result.

        With wait=False a large CT is looked at in parts: ask again until the state is not CHECKING any more.
        """
        if segmentationNode is None:
            return None
        from PDACScreeningLib.mrml.ct_volume_node import node_voxels_sha256
        from PDACScreeningLib.mrml.shown_result import shown_result
        from PDACScreeningLib.mrml.voxel_digest import VoxelDigests

        if self._digests is None:
            self._digests = VoxelDigests()
        return shown_result(slicer.mrmlScene, segmentationNode, node_voxels_sha256 if wait else self._digests)

    def rescore(self, segmentationNode):
        """Score the segments as they are now. Raises PDACScreeningError when they cannot be scored."""
        from PDACScreeningLib.mrml.rescored_nodes import rescore

        return rescore(slicer.mrmlScene, segmentationNode, dicom_value)

    def save_dicom_objects(self, segmentationNode, folder):
        """Write the AI's result as DICOM objects into a folder; returns their paths. Raises PDACScreeningError."""
        from PDACScreeningLib.mrml.dicom_objects import save_dicom_objects

        return save_dicom_objects(segmentationNode, Path(folder), dicom_file, temporary_folder())

    def review(self, segmentationNode, status, note):
        """Keep a reviewer's judgment, under the name in Slicer's settings. status: "accepted" or "flagged"."""
        from PDACScreeningLib.mrml.review import set_review

        set_review(segmentationNode, status, note, self.reader())

    def reader(self):
        """Name of the person at this Slicer, as Application Settings, User has it; empty when it was not given."""
        return slicer.app.applicationLogic().GetUserInformation().GetName() or ""

    def keep_algorithm_types(self, result):
        """Call each segment of a result automatic or edited by a person, whichever is true now."""
        if result is None or not result.is_current or result.ai_segmentation_node is None:
            return
        from PDACScreeningLib.mrml.segmentation_node import keep_algorithm_types

        keep_algorithm_types(result.segmentation_node, result.ai_segmentation_node, result.volume_node)

    def volume_in_front(self):
        """The volume that was loaded or selected last; None when there is none."""
        selection = slicer.app.applicationLogic().GetSelectionNode()
        node = slicer.mrmlScene.GetNodeByID(selection.GetActiveVolumeID() or "") if selection is not None else None
        is_scan = node is not None and node.GetClassName() == "vtkMRMLScalarVolumeNode"  # no label map, no color image
        return node if is_scan and not node.GetHideFromEditors() else None


def temporary_folder():
    """The folder for temporary files of Slicer's settings, on whose disk there is room for a CT."""
    return Path(slicer.app.temporaryPath)


def dicom_file(instance):
    """The file of a slice in Slicer's DICOM database; empty where there is none."""
    database = getattr(slicer, "dicomDatabase", None)
    return database.fileForInstance(instance) if database is not None and database.isOpen else ""


def dicom_value(instance, tag):
    """An element of the header of a slice in Slicer's DICOM database; empty where there is none."""
    database = getattr(slicer, "dicomDatabase", None)
    return database.instanceValue(instance, tag) if database is not None and database.isOpen else ""
