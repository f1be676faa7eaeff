"""Editing the segments, scoring what was edited, and saying what a reviewer thinks of it."""

import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.mrml.result_record import DRAFT_ATTRIBUTE
from PDACScreeningLib.mrml.segmentation_node import segment_editor_node
from PDACScreeningPanel.problem_line import ProblemLine
from PDACScreeningPanel.report_section import ReportSection
from PDACScreeningPanel.translation import translated

UNDO_STATES = 10


class ReviewSection:
    """An embedded Segment Editor, Re-score, Accept and Flag."""

    def __init__(self, ui, logic, on_change):
        self.ui, self._logic, self._on_change = ui, logic, on_change
        self._result = None
        self._entered = False
        self._problem = ProblemLine(ui.reviewProblemLabel, ui.copyReviewDiagnosticsButton)
        self.report = ReportSection(ui, self._problem, logic)
        ui.segmentEditorWidget.setMaximumNumberOfUndoStates(UNDO_STATES)
        self.use_scene()
        ui.editSection.connect("contentsCollapsed(bool)", lambda _collapsed: self._listen())
        ui.rescoreButton.connect("clicked(bool)", lambda _checked: self.rescore())
        ui.acceptButton.connect("clicked(bool)", lambda _checked: self.review("accepted"))
        ui.flagButton.connect("clicked(bool)", lambda _checked: self.review("flagged"))
        ui.reviewerNote.connect("textEdited(QString)", self._keep_draft)

    def enter(self):
        """The module is open: the editor may listen to views and keys."""
        self._entered = True
        self.use_scene()
        self._listen()

    def use_scene(self):
        """Edit with our own editor node: the Segment Editor module keeps its own settings."""
        self.ui.segmentEditorWidget.setMRMLSegmentEditorNode(segment_editor_node(slicer.mrmlScene))

    def exit(self):
        """The module is closed: keys and mouse belong to the next one."""
        self._entered = False
        self._listen()

    def _listen(self):
        """Only while the editor can be seen: a digit typed elsewhere must not choose a brush of it."""
        editor = self.ui.segmentEditorWidget
        if self._entered and not self.ui.editSection.collapsed:
            editor.setupViewObservations()
            editor.installKeyboardShortcuts()
        else:
            editor.setActiveEffect(None)
            editor.uninstallKeyboardShortcuts()
            editor.removeViewObservations()

    def leave_scene(self):
        """The scene is about to close."""
        self._result = None
        self.ui.segmentEditorWidget.setSegmentationNode(None)
        self.ui.segmentEditorWidget.removeViewObservations()

    def show(self, result):
        """Edit this result. result: a ShownResult; None takes the editor away."""
        editor = self.ui.segmentEditorWidget
        node = result.segmentation_node if result is not None else None
        if editor.segmentationNode() is not node:
            editor.setSegmentationNode(node)
            self._problem.clear()
            self.ui.reviewerNote.text = _note(result)
        if result is not None:
            editor.setSourceVolumeNode(result.volume_node)
        self._result = result
        self.report.show(result)
        obstacle = _obstacle(result)
        self.ui.rescoreButton.enabled = obstacle is None
        self.ui.rescoreButton.toolTip = obstacle or _("Score what the segments show now.")
        self.ui.flagButton.enabled = result is not None and result.is_current
        self.ui.acceptButton.enabled = result is not None and result.has_fresh_score
        self.ui.acceptButton.toolTip = (
            _("Mark the segments as completed, with your name, note and time.")
            if self.ui.acceptButton.enabled or not self.ui.flagButton.enabled
            else _("The segments were edited: press Re-score first, so that you accept what was scored.")
        )
        said = (result.change, result.review_text) if result is not None else ("", "")
        for label, text in zip((self.ui.changeLabel, self.ui.reviewLabel), said, strict=True):
            label.text, label.visible = translated(text), bool(text)

    def press(self, button):
        """What a key does: as if its button was pressed, and nothing where that is off."""
        if button.enabled:
            button.click()

    def rescore(self):
        """Components, rule, score and findings of the segments as they are now; the AI result is kept beside them."""
        with self._problem.told(_("The edited segments could not be scored.")):
            self._logic.rescore(self._result.segmentation_node)
        self._on_change()

    def review(self, status):
        """Keep a reviewer's judgment with the segments."""
        with self._problem.told(_("The review could not be kept.")):
            self._logic.review(self._result.segmentation_node, status, self.ui.reviewerNote.text)
            self._result.segmentation_node.RemoveAttribute(DRAFT_ATTRIBUTE)
        self._on_change()

    def _keep_draft(self, text):
        """A note that was typed stays with its result, also when another one is looked at or the scene is saved."""
        if self._result is not None:
            self._result.segmentation_node.SetAttribute(DRAFT_ATTRIBUTE, text)


def _note(result):
    """What was typed last, else what was kept."""
    if result is None:
        return ""
    draft = result.segmentation_node.GetAttribute(DRAFT_ATTRIBUTE)
    return draft if draft is not None else result.review.note if result.review is not None else ""


def _obstacle(result):
    if result is None:
        return _("There is no result to score.")
    return translated(result.rescoring_obstacle)
