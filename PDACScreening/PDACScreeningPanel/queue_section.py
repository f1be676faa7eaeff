"""All CTs of the scene, screened one after the other by one process, suspicious ones first."""

import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.mrml.one_patient import newest_results
from PDACScreeningLib.mrml.result_record import read_record
from PDACScreeningPanel.findings_section import fill_table
from PDACScreeningPanel.translation import translated

ROWS_SHOWN = 6
_ORDER = ("SUSPICIOUS", "INDETERMINATE", "NOT_SUSPICIOUS")


class QueueSection:
    """Screens what has no result yet. It uses the screening section, so that there is one run at a time."""

    def __init__(self, ui, screening, choose):
        """screening: the ScreenSection. choose: shows a volume."""
        self.ui, self._screening, self._choose = ui, screening, choose
        self._waiting, self._problems, self._rows = [], {}, []
        columns = [_("CT"), _("Outcome"), _("Score")]
        ui.queueTable.setColumnCount(len(columns))
        ui.queueTable.setHorizontalHeaderLabels(columns)
        ui.queueTable.horizontalHeader().setStretchLastSection(True)
        ui.queueTable.connect("cellClicked(int,int)", lambda row, _column: self._choose(self._rows[row]))
        ui.queueButton.connect("clicked(bool)", lambda _checked: self.start())
        ui.stopQueueButton.connect("clicked(bool)", lambda _checked: self.stop())
        self.show()

    @property
    def running(self):
        """Whether more CTs wait for their turn."""
        return bool(self._waiting)

    def start(self):
        """Put every CT without a result into the queue, and begin."""
        done = newest_results(slicer.mrmlScene)
        self._problems.clear()
        self._waiting = [volume.GetID() for volume in _scans() if volume.GetID() not in done]
        self.go_on()

    def stop(self):
        """Begin no other; the one under way goes on."""
        self._waiting = []
        self.show()

    def on_end(self, volume_id, problem):
        """A run has ended. problem: a RunFailure, or None when there is a result."""
        if problem is not None:
            self._problems[volume_id] = problem.sentence
            if problem.kind.value == "cancelled":
                self._waiting = []
        self.go_on()

    def go_on(self):
        """Begin the next one, if none is under way."""
        while self._waiting and not self._screening.running:
            volume = slicer.mrmlScene.GetNodeByID(self._waiting.pop(0))
            if volume is not None and not self._screening.start(volume):
                self._problems[volume.GetID()] = self.ui.problemLabel.text
        self.show()

    def show(self):
        """List the CTs as they stand."""
        done = newest_results(slicer.mrmlScene)
        rows = sorted((self._row(volume, done.get(volume.GetID())) for volume in _scans()), key=lambda row: row[0])
        self._rows = [volume for _key, volume, _texts in rows]
        fill_table(self.ui.queueTable, [texts for _key, _volume, texts in rows], ROWS_SHOWN)
        self.ui.queueTable.visible = bool(rows)
        waits = any(volume.GetID() not in done for volume in _scans())
        self.ui.queueButton.enabled = waits and not self.running and not self._screening.running
        self.ui.stopQueueButton.enabled = self.running

    def _row(self, volume, result):
        """Where a CT stands in the list, itself, and its texts."""
        identifier, name = volume.GetID(), volume.GetName()
        record = read_record(result) if result is not None else None
        if record is not None:
            screening = record.rescoring.screening if record.rescoring is not None else record.screening
            score = screening.score
            place = _ORDER.index(screening.outcome.value) if screening.outcome.value in _ORDER else len(_ORDER)
            shown = "" if score is None else f"{score:.3f}"
            return (
                (place, -(score or 0.0), name, identifier),
                volume,
                (name, translated(screening.outcome.verdict), shown),
            )
        if identifier == self._screening.volume_id:
            text = _("screening...")
        elif identifier in self._waiting:
            text = _("waiting")
        else:
            text = translated(self._problems.get(identifier, "")) or _("not screened")
        return (len(_ORDER) + 1, 0.0, name, identifier), volume, (name, text, "")


def _scans():
    """The volumes that can be screened: no label map, no color image, none of our own maps."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    return [
        node for node in nodes if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors()
    ]
