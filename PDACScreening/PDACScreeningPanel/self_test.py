"""The self-test of the module, which Slicer runs: `ctest`, or Reload and Test in developer mode."""

import importlib.util
import math
import sys
import tempfile
from pathlib import Path

import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest


class PDACScreeningTest(ScriptedLoadableModuleTest):
    """The way of a reader, inside Slicer: phantom, screen, edit, re-score, review, save, reload."""

    model = None  # name or folder; None takes the first installed model
    sample = None  # a scan to use instead of the phantom, which takes long to compute and to screen

    def setUp(self):
        """Start with an empty scene."""
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        """What Slicer calls."""
        self.setUp()
        self.test_screen_edit_rescore_save_reload()

    def test_screen_edit_rescore_save_reload(self):
        """The numbers follow the segments, and everything survives saving. Skipped without PyTorch or a model."""
        if importlib.util.find_spec("torch") is None:
            self.skipTest("PyTorch is not installed")
        had_torch = "torch" in sys.modules  # another extension may have imported it
        model, volume = self._model(), self._volume()
        from PDACScreeningPanel.logic import PDACScreeningLogic

        logic = PDACScreeningLogic()
        self.delayDisplay("Screening")
        screening = logic.screen(volume, model=model, device="cpu")
        assert screening.outcome.value in ("SUSPICIOUS", "NOT_SUSPICIOUS", "INDETERMINATE")
        assert had_torch or "torch" not in sys.modules
        node = self._result()
        assert logic.shown_result(node).screening == screening
        if screening.outcome.value == "INDETERMINATE":
            return  # there is nothing to edit
        self.delayDisplay("Editing")
        self._erase_tumor(node, volume)
        assert logic.shown_result(node).state == "EDITED_STALE"
        rescored = logic.rescore(node)
        assert (rescored.tumor_voxels or 0) == 0
        logic.review(node, "flagged", "self-test")
        self.delayDisplay("Saving and loading")
        self._save_and_load()
        shown = logic.shown_result(self._result())
        assert shown.screening == rescored
        assert shown.review.note == "self-test"
        self.delayDisplay("Passed")

    def _volume(self):
        if self.sample is not None:
            return slicer.util.loadVolume(str(self.sample))
        from PDACScreeningPanel.sample_data import SAMPLES

        self.delayDisplay("Computing a phantom")
        return SAMPLES[0].load()

    def _model(self):
        from PDACScreeningLib.network.model_list import installed_models

        models = installed_models()
        if self.model is None and not models:
            self.skipTest("no model is installed")
        return str(self.model or models[0].wish)

    def _result(self):
        from PDACScreeningLib.mrml.result_record import RESULT_ATTRIBUTE

        nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        (node,) = [node for node in nodes if node.GetAttribute(RESULT_ATTRIBUTE)]
        return node

    def _erase_tumor(self, node, volume):
        empty = slicer.util.arrayFromVolume(volume) > math.inf
        slicer.util.updateSegmentBinaryLabelmapFromArray(empty.astype("uint8"), node, "Tumor", volume)
        pancreas = ~empty
        pancreas[:2] = False
        slicer.util.updateSegmentBinaryLabelmapFromArray(pancreas.astype("uint8"), node, "Pancreas", volume)

    def _save_and_load(self):
        with tempfile.TemporaryDirectory() as folder:
            scene = str(Path(folder) / "scene.mrb")
            assert slicer.util.saveScene(scene)
            slicer.mrmlScene.Clear(0)
            slicer.util.loadScene(scene)
