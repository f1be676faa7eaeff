"""The module PDACScreening of 3D Slicer: the four classes Slicer wants, and the wiring between them.

The library lies beside this file once installed and one folder up in the source tree; the resources likewise.
"""

import sys
from pathlib import Path

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if (Path(__file__).resolve().parents[1] / "PDACScreeningLib").is_dir():  # a source tree: Slicer knows this folder only
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from PDACScreeningPanel.logic import PDACScreeningLogic, temporary_folder
from PDACScreeningPanel.sample_data import register_samples
from PDACScreeningPanel.self_test import PDACScreeningTest  # noqa: F401  Slicer looks for it in this module
from PDACScreeningPanel.watched_nodes import WatchedNodes

from PDACScreeningLib.child_run.job_folder import sweep_left_over_folders
from PDACScreeningLib.resources import resource

REFRESH_DELAY_MS = 300  # after the last change of a segment: looking at every stroke would slow painting down
CHECK_PAUSE_MS = 10  # between looking at one part of a large CT and the next, for everything else that Slicer does


class PDACScreening(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("PDAC Screening")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["PDACScreening maintainers"]
        parent.icon = qt.QIcon(str(resource("Icons/PDACScreening.png")))
        parent.helpText = _(
            "Screens an abdominal CT for pancreatic ductal adenocarcinoma: segments pancreas and tumor, says whether a "
            "suspicious region was found and why, and scores again what a reader edited. "
            "Research use only; not a medical device."
        )
        parent.acknowledgementText = _(
            "Implements Zhu, Xia, Xie, Fishman, Yuille: Multi-Scale Coarse-to-Fine Segmentation for Screening "
            "Pancreatic Ductal Adenocarcinoma, MICCAI 2019."
        )
        slicer.app.connect("startupCompleted()", register_samples)
        slicer.app.connect("startupCompleted()", lambda: sweep_left_over_folders(temporary_folder()))


class PDACScreeningWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Joins the sections of the panel with the scene."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = self._guiTag = None
        self._chosen = (None, None)  # volume and result, as the views show them
        self._isOrphan = False  # the result is not about the image in the scene: nothing of it is in the views
        self._watch = WatchedNodes(self.scheduleRefresh)

    def setup(self):
        """Load the panel and connect it."""
        ScriptedLoadableModuleWidget.setup(self)
        from PDACScreeningPanel.display_section import DisplaySection
        from PDACScreeningPanel.findings_section import FindingsSection
        from PDACScreeningPanel.keys import Keys
        from PDACScreeningPanel.prior_section import PriorSection
        from PDACScreeningPanel.queue_section import QueueSection
        from PDACScreeningPanel.result_section import ResultSection
        from PDACScreeningPanel.review_section import ReviewSection
        from PDACScreeningPanel.screen_section import ScreenSection

        from PDACScreeningLib.mrml.result_record import RESULT_ATTRIBUTE

        panel = slicer.util.loadUI(str(resource("UI/PDACScreening.ui")))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = PDACScreeningLogic()
        self.ui.resultSelector.addAttribute("vtkMRMLSegmentationNode", RESULT_ATTRIBUTE)
        self.screening = ScreenSection(self.ui, self.logic, self.onScreeningEnd)
        self.result = ResultSection(self.ui)
        self.findings = FindingsSection(self.ui)
        self.display = DisplaySection(self.ui)
        self.review = ReviewSection(self.ui, self.logic, self.refresh)
        self.prior = PriorSection(self.ui)
        self.queue = QueueSection(self.ui, self.screening, self.ui.inputSelector.setCurrentNode)
        self.keys = Keys(panel, self._actions())
        self._refreshTimer = _single_shot(REFRESH_DELAY_MS, self.refresh)
        self._checkTimer = _single_shot(CHECK_PAUSE_MS, self.refresh)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        for event in (scene.EndCloseEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self.onSceneReplaced)
        self.addObserver(scene, scene.NodeRemovedEvent, self.onSceneNodeRemoved)
        self.addObserver(scene, scene.NodeAddedEvent, self.onSceneNodeAdded)
        self.initializeParameterNode()

    def _actions(self):
        """What the keys of the module do."""
        ui = self.ui
        return {
            "N": lambda: self.findings.step(1),
            "P": lambda: self.findings.step(-1),
            "O": self.display.toggle_outlines,
            "Shift+A": lambda: self.review.press(ui.acceptButton),
            "Shift+F": lambda: self.review.press(ui.flagButton),
        }

    def cleanup(self):
        """The module goes away or is read anew: no run and no observer of keys, views and nodes may outlive it."""
        self.screening.abandon()
        self.logic.workers.close()
        self.review.report.close()
        self.exit()
        self._disconnect()
        self._refreshTimer.stop()
        self._checkTimer.stop()
        self.removeObservers()
        self._watch.follow(None)

    def enter(self):
        """The module is opened."""
        self.initializeParameterNode()
        self.review.enter()
        self.keys.listen(True)
        self.showChosen()
        self.refresh()

    def exit(self):
        """Another module is opened; a screening goes on."""
        self.keys.listen(False)
        self.review.exit()

    def onReload(self):
        """For developers: the library and the sections are read anew as well."""
        for name in [name for name in sys.modules if name.startswith(("PDACScreeningLib", "PDACScreeningPanel"))]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        slicer.modules.PDACScreeningWidget.enter()  # Slicer sets the new panel up, but does not enter it

    def onSceneStartClose(self, _caller, _event):
        """A run belongs to its scene and ends with it: its result must not appear beside another patient."""
        self.screening.abandon()
        self.review.leave_scene()
        self.setParameterNode(None)

    def onSceneStartImport(self, _caller, _event):
        """Selectors lose their nodes when a scene was read in; what they then say must not reach the parameter node."""
        self._disconnect()

    def onSceneReplaced(self, _caller, _event):
        """Another scene is there, or a saved one was added."""
        if self._parameterNode is not None or self.parent.isEntered:
            self.initializeParameterNode()
        if self.parent.isEntered:
            self.review.enter()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onSceneNodeRemoved(self, _caller, _event, node):
        """A removed CT or result changes what may be shown."""
        if node in self._watch.nodes:
            self.scheduleRefresh()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onSceneNodeAdded(self, _caller, _event, node):
        """A new CT joins the list of the queue."""
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and self.parent.isEntered:
            self.scheduleRefresh()

    def initializeParameterNode(self):
        """Use the parameter node of the scene, with the CT in front as the first choice."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.inputVolume is None:
            self._parameterNode.inputVolume = self.logic.volume_in_front()

    def setParameterNode(self, parameterNode):
        """Connect another parameter node with the panel; None while there is no scene."""
        self._disconnect()
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.ui)
            # not of the wrapper: VTKObservationMixin keeps alive what it once observed, here with its own observers
            node = parameterNode.parameterNode
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._chosen = (None, None)
        self.screening.use(parameterNode)
        self.keepTogether()
        self.refresh()

    def _disconnect(self):
        """The parameter node and the panel do not hear of each other any more."""
        if self._guiTag is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self._guiTag = None
            node = self._parameterNode.parameterNode
            self.removeObserver(node, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)

    def onParametersModified(self, _caller=None, _event=None):
        """Another volume or another result was chosen: not for a moment may a verdict stand beside another CT."""
        is_another = self.keepTogether()
        self.screening.update()
        if is_another:
            self.refresh()

    def keepTogether(self):
        """One patient in panel and views: a volume brings its newest result or none, a result brings its CT.

        Returns whether something else is chosen now.
        """
        from PDACScreeningLib.mrml.one_patient import results_of
        from PDACScreeningLib.mrml.result_record import VOLUME_ROLE, referenced

        parameters = self._parameterNode
        if parameters is None or (parameters.inputVolume, parameters.result) == self._chosen:
            return False
        volume, result = parameters.inputVolume, parameters.result
        if result is not None and result is not self._chosen[1]:
            volume = referenced(result, VOLUME_ROLE) or volume
        elif volume is not self._chosen[0] and volume is not None:
            result = (results_of(slicer.mrmlScene, volume) or [None])[-1]
        self._chosen = (volume, result)
        parameters.inputVolume, parameters.result = volume, result
        self.showChosen()
        return True

    def showChosen(self):
        """Let the views show what is chosen, while the module is open."""
        from PDACScreeningLib.mrml.one_patient import show_only

        volume, result = self._chosen
        if not self.parent.isEntered or volume is None and result is None:
            return
        is_another_scan = show_only(slicer.mrmlScene, None if self._isOrphan else result, volume)
        if is_another_scan and slicer.app.layoutManager() is not None:
            slicer.util.resetSliceViews()  # it may lie elsewhere in the scanner

    def onScreeningEnd(self, end):
        """Show a new result; an ending without one was explained by its section."""
        from PDACScreeningLib.mrml.result_record import VOLUME_ROLE, referenced

        node = end.segmentation_node
        if node is not None and self._parameterNode is not None:
            if referenced(node, VOLUME_ROLE) is self._parameterNode.inputVolume:
                self._parameterNode.result = node
            else:  # the reader looks at another patient: the result waits in the list
                self.showChosen()
        self.refresh()
        self.queue.on_end(end.volume_id, end.problem)

    def scheduleRefresh(self, _caller=None, _event=None):
        """Look at the result again soon, once for many changes."""
        self._refreshTimer.start()

    def refresh(self):
        """Show the chosen result as it is now."""
        self._refreshTimer.stop()
        node = self._parameterNode.result if self._parameterNode is not None else None
        result = self.logic.shown_result(node, wait=False)
        if result is not None and result.state == "CHECKING":
            self._checkTimer.start()
        is_orphan = result is not None and result.state == "ORPHANED"
        if is_orphan != self._isOrphan:
            self._isOrphan = is_orphan
            self.showChosen()
        self.result.show(result)
        current = result if result is not None and result.is_current else None
        self.findings.show(current.screening if current else None, current.volume_node if current else None)
        self.display.show(result)
        self.review.show(result)
        self.prior.show(current)
        self.queue.show()
        self._watch.follow(result)
        self.logic.keep_algorithm_types(result)


def _single_shot(interval_ms, receiver):
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(interval_ms)
    timer.connect("timeout()", receiver)
    return timer
