"""The page that belongs to a result, opened in the browser or saved; and the result as DICOM objects."""

import tempfile
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.child_run.job_folder import JobFolder
from PDACScreeningLib.mrml.result_record import REPORT_ROLE, referenced

NAME = "report.html"


class ReportSection:
    """Open report, Save report, DICOM results: all of the AI's result; what a reviewer edited later is not in them."""

    def __init__(self, ui, problem, logic):
        self.ui, self._problem, self._logic = ui, problem, logic
        self._report_node = self._folder = self._result_node = None
        ui.saveDicomButton.connect("clicked(bool)", lambda _checked: self.choose_and_save_dicom())
        ui.openReportButton.connect("clicked(bool)", lambda _checked: self.open())
        ui.saveReportButton.connect("clicked(bool)", lambda _checked: self.choose_and_save())

    def show(self, result):
        """Offer the report of a result. result: a ShownResult that is about the image in front, or None."""
        node = referenced(result.segmentation_node, REPORT_ROLE) if result is not None and result.is_current else None
        self._report_node = node
        self._result_node = result.segmentation_node if node is not None else None
        self.ui.saveDicomButton.enabled = node is not None
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

    def choose_and_save_dicom(self):
        """Ask for a folder, and write the DICOM objects of the AI's result into it."""
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder for DICOM results"))
        if folder:
            with self._problem.told(_("The DICOM results could not be saved.")):
                self._logic.save_dicom_objects(self._result_node, folder)

    def save(self, place):
        """Write the page. Raises OSError."""
        place.write_text(self._report_node.GetText(), encoding="utf-8")

    def close(self):
        """Pages that were opened go with the panel."""
        if self._folder is not None:
            self._folder.remove()
            self._folder = None
