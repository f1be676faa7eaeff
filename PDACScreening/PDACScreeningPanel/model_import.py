"""Get a model of a trained nnU-Net folder: what its labels mean, its license and source; then a child imports it."""

import qt
import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.child_run.model_import import ImportAnswers, ModelImport, recipe_in, trained_labels
from PDACScreeningLib.errors import PDACScreeningError

POLL_INTERVAL_MS = 200


class ModelImportDialog:
    """Asks, imports, and hands the model's folder to `on_model`. What went wrong stands below the fields."""

    def __init__(self, folder, on_model):
        self._folder, self._recipe, self._on_model, self._import = folder, recipe_in(folder), on_model, None
        self.dialog = qt.QDialog(slicer.util.mainWindow())
        self.dialog.windowTitle = _("Import a trained nnU-Net")
        form = qt.QFormLayout(self.dialog)
        names = trained_labels(folder)
        self.fields = {}
        self._add(form, "name", _("Name of the model:"), self._recipe or folder.name.partition("__")[0])
        if not self._recipe:
            self._add(form, "tumor", _("Its labels that are tumor:"), _among(names, "tumor", "lesion"))
            self._add(form, "pancreas", _("Its labels that are pancreas:"), _among(names, "pancreas"))
            self._add(form, "coarse", _("Folder of a first step, if any:"), "")
        self._add(form, "license", _("Its license:"), "")
        self._add(form, "source", _("Where you have it from:"), "")
        known = _("Both steps of {recipe} are in this folder; their numbers are known.").format(recipe=self._recipe)
        told = _("Labels of this folder: {names}").format(names=", ".join(names))
        self.problem = qt.QLabel(known if self._recipe else told)
        self.problem.wordWrap = True
        form.addRow(self.problem)
        self.button = qt.QPushButton(_("Import"))
        self.button.connect("clicked(bool)", lambda _checked: self.start())
        form.addRow(self.button)
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_INTERVAL_MS)
        self._timer.connect("timeout()", self.poll)

    def show(self):
        """Let the person fill it in."""
        self.dialog.show()

    @property
    def running(self):
        """Whether an import is under way."""
        return self._import is not None

    def start(self):
        """Import with what stands in the fields. Nothing of the folder is run, and nothing is downloaded."""
        texts = {name: field.text.strip() for name, field in self.fields.items()}
        try:
            self._import = ModelImport(ImportAnswers(str(self._folder), recipe=self._recipe, **texts))
        except OSError as error:
            self.problem.text = str(error)
            return
        self.button.enabled = False
        self.problem.text = _("Importing ...")
        self._timer.start()

    def poll(self):
        """See whether the import has ended."""
        try:
            model = self._import.folder()
        except PDACScreeningError as error:
            self._end(str(error))
            return
        if model is not None:
            self._end("")
            self.dialog.hide()
            self._on_model(model)

    def _end(self, sentence):
        self._timer.stop()
        self._import = None
        self.button.enabled = True
        self.problem.text = sentence

    def _add(self, form, name, caption, text):
        self.fields[name] = qt.QLineEdit(text)
        form.addRow(caption, self.fields[name])


def _among(names, *words):
    """Those of the names that hold one of the words, with commas between."""
    return ",".join(name for name in names if any(word in name.lower() for word in words))
