"""Choosing scan, model and device; running with progress and Cancel; saying what went wrong and what to do."""

import json
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.child_run.model_import import recipe_in, trained_labels
from PDACScreeningLib.child_run.run_expectation import duration, expectation
from PDACScreeningLib.child_run.run_failure import FailureKind, failure_to_start
from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningLib.mrml.ct_volume_node import liters_of
from PDACScreeningLib.network.model_list import installed_models, model_in
from PDACScreeningLib.report.model_words import model_card, model_summary
from PDACScreeningPanel.choices import chosen, remembered, select
from PDACScreeningPanel.model_import import ModelImportDialog
from PDACScreeningPanel.problem_line import ProblemLine
from PDACScreeningPanel.remembered_pace import remember_pace, remembered_pace
from PDACScreeningPanel.torch_installation import install_torch
from PDACScreeningPanel.translation import translated

POLL_INTERVAL_MS = 100
ARRIVAL_INTERVAL_MS = 10  # between two parts of a result that is brought into the scene
_ABOUT_THE_SCAN = (FailureKind.REJECTED, FailureKind.VOLUME_CHANGED, FailureKind.VOLUME_GONE)


class ScreenSection:
    """From a click on Screen to the end of the run; what the end means is up to `on_end`."""

    def __init__(self, ui, logic, on_end):
        self.ui, self._logic, self._on_end = ui, logic, on_end
        self._parameters = self._run = self._earlier = None
        self._models, self.model_import = {}, None
        self._selectors = {  # by the field of a request that each one chooses
            "model": ui.modelSelector,
            "device": ui.deviceSelector,
            "protocol": ui.protocolSelector,
        }
        self.volume_id = None  # of the scan that is being screened
        self._fill_choices()
        self._fill_models()
        for selector in self._selectors.values():
            selector.connect("currentIndexChanged(int)", lambda _index: self._store_choice())
        ui.modelFolderButton.connect("clicked(bool)", lambda _checked: self._choose_folder())
        ui.screenButton.connect("clicked(bool)", lambda _checked: self.start())
        ui.cancelButton.connect("clicked(bool)", lambda _checked: self.cancel())
        ui.processorButton.connect("clicked(bool)", lambda _checked: self._start_on_processors())
        ui.installTorchButton.connect("clicked(bool)", lambda _checked: self._install_torch())
        self._problem = ProblemLine(ui.problemLabel, ui.copyDiagnosticsButton)
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_INTERVAL_MS)
        self._timer.connect("timeout()", self.poll)
        self._show_problem(None)
        self._show_progress(None)

    @property
    def running(self):
        """Whether a screening is under way."""
        return self._run is not None

    def use(self, parameters):
        """Show the choices of a parameter node; None while there is no scene."""
        self._parameters = None  # so that setting one selector does not store the other
        if parameters is not None:
            kept = remembered(parameters)
            self._known_wish(kept.get("model"))
            for field, selector in self._selectors.items():
                select(selector, kept.get(field))
        self._parameters = parameters
        self._store_choice()
        self.update()

    def update(self):
        """What the choices mean before a run, and whether there can be one; a button that is off says why."""
        volume = self._parameters.inputVolume if self._parameters is not None else None
        model = self._chosen_model()
        facts = model.description.facts("") if model is not None and model.is_usable else None
        damage = model.error if model is not None else ""
        _say(self.ui.modelCardLabel, translated(damage) or (_one_line(facts) if facts is not None else ""))
        self.ui.modelCardLabel.toolTip = translated(model_card(facts)) if facts is not None else ""
        _say(self.ui.expectationLabel, self._expectation(volume) if facts is not None else "")
        obstacle = self._obstacle(volume, model)
        self.ui.screenButton.enabled = obstacle is None
        self.ui.screenButton.toolTip = obstacle or _("Screen this CT. The result is added to the scene.")
        self.ui.cancelButton.enabled = self.running
        for choice in (*self._selectors.values(), self.ui.modelFolderButton):
            choice.enabled = not self.running

    def start(self, volume=None):
        """Begin a screening. volume: None takes the chosen one. Returns whether it runs; if not, the panel says why."""
        parameters = self._parameters
        volume = volume or parameters.inputVolume
        self._show_problem(None)
        obstacle = self._obstacle(volume, self._chosen_model())
        if obstacle is not None:
            self._problem.say(obstacle)
            return False
        if volume is parameters.inputVolume:
            self._earlier, parameters.result = parameters.result, None  # its verdict must not stand beside a refusal
        try:
            self._run = self._logic.screen(volume, waitForCompletion=False, **self._choices())
            self.volume_id = volume.GetID()
            self._timer.start()
        except (PDACScreeningError, OSError) as error:
            failure = failure_to_start(error)
            self._show_problem(failure)
            self._bring_back_earlier(failure)
        self._show_progress(self._run)
        self.update()
        return self.running

    def cancel(self):
        """Stop the run; the panel is free again at the next poll."""
        if self._run is not None:
            self._run.cancel()
            _say(self.ui.stageLabel, _("Stopping..."))

    def abandon(self):
        """Stop without a word: the scene or the module is going away."""
        self._timer.stop()
        if self._run is not None:
            self._run.abandon()
            self._run = self.volume_id = None
        self._show_progress(None)
        self.update()

    def poll(self):
        """Show what the run has to say, and hand over its end."""
        run = self._run
        if run is None:
            return
        run.poll()
        self._show_progress(run)
        self._timer.setInterval(ARRIVAL_INTERVAL_MS if run.arriving else POLL_INTERVAL_MS)
        if run.end is None:
            return
        self._timer.stop()
        about = self._name_of_another()
        self._run, self.volume_id = None, None
        self._show_progress(None)
        self._show_problem(run.end.problem, run, about)
        self._bring_back_earlier(run.end.problem)
        self.update()
        if run.end.pace is not None:
            remember_pace(self._choices(), run.end.pace)
        self._on_end(run.end)

    def _bring_back_earlier(self, problem):
        """A run that says nothing about the scan leaves the result that was shown before; a refusal does not."""
        is_about_the_scan = problem is None or problem.kind in _ABOUT_THE_SCAN
        if not is_about_the_scan and self._earlier is not None and self._parameters is not None:
            self._parameters.result = self._earlier
        self._earlier = None

    def _start_on_processors(self):
        select(self.ui.deviceSelector, "cpu")
        if self.ui.screenButton.enabled:
            self.start()

    def _install_torch(self):
        with self._problem.told(_("PyTorch could not be installed.")):
            if install_torch():
                self._show_problem(None)
                self._problem.say(_("PyTorch is installed. Press Screen again."))

    def _obstacle(self, volume, model):
        if self.running:
            return _("A screening is under way.")
        if volume is None:
            return _("Choose a CT volume first.")
        if volume.GetImageData() is None:
            return _("The chosen volume holds no voxels.")
        if model is None:
            return _("Choose a model first. A demo model is used only when it is chosen.")
        if not model.is_usable:
            return _("This model is damaged: {reason}").format(reason=translated(model.error))
        return None

    def _expectation(self, volume):
        if volume is None or volume.GetImageData() is None:
            return ""
        choices = self._choices()
        return translated(expectation(choices["device"], liters_of(volume), remembered_pace(choices)))

    def _show_progress(self, run):
        self.ui.progressBar.visible = run is not None
        if run is None:
            _say(self.ui.stageLabel, "")
            return
        progress = run.progress
        self.ui.progressBar.maximum = 100 if progress.percent is not None else 0  # 0 shows "busy"
        self.ui.progressBar.value = progress.percent or 0
        left = (
            _("{time} left in this stage").format(time=translated(duration(progress.eta_s))) if progress.eta_s else ""
        )
        parts = [
            self._name_of_another(),
            _("Stopping...") if run.cancelling else translated(progress.stage),
            left,
            translated(progress.device),
        ]
        _say(self.ui.stageLabel, " - ".join(part for part in parts if part))

    def _name_of_another(self):
        """Name of the CT that is being screened while another one is looked at; empty when it is the same."""
        chosen = self._parameters.inputVolume if self._parameters is not None else None
        volume = slicer.mrmlScene.GetNodeByID(self.volume_id) if self.volume_id else None
        return volume.GetName() if volume is not None and volume is not chosen else ""

    def _show_problem(self, problem, run=None, about=""):
        self.ui.processorButton.visible = problem is not None and problem.offers_processors
        self.ui.installTorchButton.visible = problem is not None and problem.needs_torch
        if problem is None:
            self._problem.clear()
            return
        diagnostics = run.diagnostics() if run is not None else ""
        sentence = f"{problem.sentence} {problem.remedy}".strip()
        self._problem.say(f"{about}: {sentence}" if about else sentence, diagnostics)

    def _fill_choices(self):
        devices = {
            "auto": _("GPU if there is one"),
            "cpu": _("This computer"),
            "cuda": _("NVIDIA GPU"),
            "mps": _("Apple GPU"),
        }
        protocols = {"exact": _("Thorough"), "fast": _("Fast")}
        for selector, names in ((self.ui.deviceSelector, devices), (self.ui.protocolSelector, protocols)):
            for choice, text in names.items():
                selector.addItem(text, choice)

    def _fill_models(self):
        models = installed_models()
        usable = [model for model in models if not model.is_demo]
        if len(usable) != 1:
            self.ui.modelSelector.addItem(_("(choose a model)"), "")
        for model in models:
            self._add_model(model)

    def _add_model(self, model):
        self._models[model.wish] = model
        shown = _("{name} (demo)") if model.is_demo else "{name}"
        shown = shown if model.is_usable else _("{name} (damaged)")
        self.ui.modelSelector.addItem(shown.format(name=model.name), model.wish)

    def _choose_folder(self):
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder of a model"))
        if folder and not self.use_model_folder(Path(folder)) and not self.import_folder(Path(folder)):
            self._problem.say(_("That folder holds no model: neither model.json nor a trained nnU-Net is in it."))

    def import_folder(self, folder):
        """Offer to import a trained nnU-Net. Returns False when the folder holds none."""
        if not trained_labels(folder) and not recipe_in(folder):
            return False
        self.model_import = ModelImportDialog(folder, self.use_model_folder)
        self.model_import.show()
        return True

    def use_model_folder(self, folder):
        """Add the model of a folder to the list and choose it. Returns False when the folder holds none."""
        model = model_in(folder)
        if model is None:
            return False
        if model.wish not in self._models:
            self._add_model(model)
        select(self.ui.modelSelector, model.wish)
        return True

    def _known_wish(self, wish):
        """A model that a scene remembers: its folder joins the list if it is still there."""
        if wish and wish not in self._models and (model := model_in(Path(wish))) is not None:
            self._add_model(model)

    def _choices(self):
        """What the selectors say, by the fields of the requests."""
        return {field: chosen(selector) for field, selector in self._selectors.items()}

    def _chosen_model(self):
        return self._models.get(chosen(self.ui.modelSelector)) if self._parameters is not None else None

    def _store_choice(self):
        if self._parameters is None:
            return
        self._parameters.choices = json.dumps(self._choices())
        self.update()


def _say(label, text):
    """An empty label takes no room."""
    label.text = text
    label.visible = bool(text)


def _one_line(facts):
    """What must be known of a model before it is used; the rest stands in the tool tip."""
    first, unknown = model_summary(facts).partition(". ")[0].rstrip("."), _("Measured performance: unknown.")
    first = translated(f"{first}.")
    return first if facts.performance else f"{first} {unknown}"
