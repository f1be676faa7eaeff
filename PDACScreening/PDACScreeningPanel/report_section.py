"""The page that belongs to a result: opened in the browser, or saved."""

import tempfile
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.child_run.job_folder import JobFolder
from PDACScreeningLib.mrml.result_record import REPORT_ROLE, referenced

NAME = "report.html"


class ReportSection:
    """Open report, Save report. The page is of the AI's result; what a reviewer edited later is not in it."""

    def __init__(self, ui, problem):
        self.ui, self._problem = ui, problem
        self._report_node = self._folder = None
        ui.openReportButton.connect("clicked(bool)", lambda _checked: self.open())
        ui.saveReportButton.connect("clicked(bool)", lambda _checked: self.choose_and_save())

    def show(self, result):
        """Offer the report of a result. result: a ShownResult that is about the image in front, or None."""
        node = referenced(result.segmentation_node, REPORT_ROLE) if result is not None and result.is_current else None
        self._report_node = node
        self.ui.openReportButton.enabled = self.ui.saveReportButton.enabled = node is not None
        edited = result is not None and result.state != "CURRENT"
        tip = _("The report of the AI result in the browser. It stays on this computer.")
        self.ui.openReportButton.toolTip = tip + " " + _("Your edits are not in it.") if edited else tip

    def open(self):
        """Write the page into a private folder that goes with Slicer, and let the browser show it."""
        with self._problem.told(_("The report could not be opened.")):
            if self._folder is None:
                self._folder = JobFolder(Path(slicer.app.temporaryPath))
            place = Path(tempfile.mkdtemp(dir=self._folder.path)) / NAME
            self.save(place)
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(place)))

    def choose_and_save(self):
        """Ask where to, and save."""
        place = qt.QFileDialog.getSaveFileName(
            slicer.util.mainWindow(), _("Save report"), NAME, _("Web page") + " (*.html)"
        )
        place = place[0] if isinstance(place, tuple) else place
        if place:
            with self._problem.told(_("The report could not be saved.")):
                self.save(Path(place))

    def save(self, place):
        """Write the page. Raises OSError."""
        place.write_text(self._report_node.GetText(), encoding="utf-8")

    def close(self):
        """Pages that were opened go with the panel."""
        if self._folder is not None:
            self._folder.remove()
            self._folder = None
