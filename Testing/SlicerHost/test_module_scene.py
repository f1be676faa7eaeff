"""What happens when the scene is pulled away from under a run, and what the module leaves alone."""

import subprocess
import sys
import types
from pathlib import Path

import pytest
from panel_driving import choose
from run_driving import fake_python, load_scan, until
from screening_inputs import write_model

from PDACScreeningLib.volume.label_map import Label

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def running(module_widget, scene, tmp_path):
    """The panel with a run that would go on for a minute."""
    volume = load_scan(tmp_path)
    module_widget.logic.python = fake_python(tmp_path, "time.sleep(60)")
    choose(module_widget, volume, write_model(tmp_path / "tiny", Label.TUMOR))
    module_widget.ui.screenButton.click()
    assert module_widget.screening.running
    return module_widget


def test_closing_the_scene_ends_the_run_without_a_trace(running, scene):
    process = running.screening._run._process
    scene.Clear(0)
    assert not running.screening.running
    assert not process.running
    assert running.ui.problemLabel.text == ""
    assert running.ui.reasonLabel.text == "No result yet."
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_new_patient_in_the_same_panel_starts_clean(running, scene, tmp_path):
    scene.Clear(0)
    volume = load_scan(tmp_path, "other")
    running.ui.inputSelector.setCurrentNode(volume)
    assert running._parameterNode.inputVolume is volume
    assert running._parameterNode.result is None
    assert running.ui.stageLabel.text == ""


def test_deleting_the_volume_ends_the_run_and_says_so(running, scene):
    scene.RemoveNode(running._parameterNode.inputVolume)
    until(lambda: not running.screening.running)
    assert "removed from the scene" in running.ui.problemLabel.text


def test_leaving_the_module_lets_the_run_go_on(running):
    running.exit()
    assert running.screening.running
    running.enter()
    assert running.screening.running
    running.screening.abandon()


def test_unloading_the_module_ends_the_run(running):
    process = running.screening._run._process
    running.cleanup()
    assert not process.running


def test_an_unloaded_panel_hears_neither_keys_nor_the_parameter_node(module_widget, scene, tmp_path):
    volume, selector = load_scan(tmp_path), module_widget.ui.inputSelector
    before = selector.currentNode()
    module_widget.ui.editSection.collapsed = False
    module_widget.cleanup()
    assert module_widget.keys.shortcuts == {}
    assert not module_widget.ui.segmentEditorWidget.has_keys
    module_widget.logic.getParameterNode().inputVolume = volume
    assert selector.currentNode() is before


@pytest.fixture
def python_modules():
    """Reading a module anew replaces Python modules that other tests go on with."""
    before = dict(sys.modules)
    yield
    for name in [name for name in sys.modules if name.startswith("PDACScreening")]:
        del sys.modules[name]
    sys.modules.update((name, known) for name, known in before.items() if name.startswith("PDACScreening"))


def test_reload_gives_a_new_panel_and_the_old_one_is_quiet(module_widget, python_modules):
    import slicer

    def set_up_anew():
        slicer.modules.PDACScreeningWidget = sys.modules["PDACScreening"].PDACScreeningWidget(module_widget.parent)
        slicer.modules.PDACScreeningWidget.setup()

    slicer.modules.PDACScreeningWidget = module_widget
    slicer.modules.pdacscreening.widgetRepresentation = lambda: module_widget.parent
    module_widget.parent.reload = set_up_anew
    module_widget.onReload()
    new = slicer.modules.PDACScreeningWidget
    assert type(new) is not type(module_widget)
    assert all(shortcut.isEnabled() for shortcut in new.keys.shortcuts.values())
    assert module_widget.keys.shortcuts == {}
    new.cleanup()
    del slicer.modules.PDACScreeningWidget


def test_opening_and_closing_the_module_adds_only_its_own_nodes(module_widget, scene):
    before = scene.GetNumberOfNodes()
    for _ in range(3):
        module_widget.exit()
        module_widget.enter()
    assert scene.GetNumberOfNodes() == before


def test_the_module_describes_itself(module):
    parent = types.SimpleNamespace(path=str(ROOT / "PDACScreening" / "PDACScreening.py"))
    module.PDACScreening(parent)
    assert parent.title == "PDAC Screening"
    assert parent.categories == ["Segmentation"]
    assert not parent.icon.isNull()
    assert "not a medical device" in parent.helpText


def test_sample_data_offers_phantoms_that_are_made_here(module, scene, monkeypatch):
    import slicer

    registered = []

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(**source):
            registered.append(source)

    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=SampleDataLogic))
    slicer.app.on_startup.clear()
    module.PDACScreening(types.SimpleNamespace(path="PDACScreening.py"))
    for receiver in slicer.app.on_startup:
        receiver()
    assert [source["sampleName"] for source in registered] == [
        "PDAC phantom with a tumor",
        "PDAC phantom without a tumor",
    ]
    assert all(source["uris"].startswith("urn:") for source in registered)
    (node,) = registered[0]["customDownloader"](None)
    assert node.GetName() == "PDAC phantom with a tumor"
    assert node.GetImageData().GetDimensions() == (128, 128, 96)
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert {view.GetBackgroundVolumeID() for view in views} == {node.GetID()}
    assert module.PDACScreeningLogic().volume_in_front() is node


def test_computing_a_phantom_shows_that_slicer_is_busy(module, scene, monkeypatch):
    import qt
    from PDACScreeningPanel.sample_data import SAMPLES

    from PDACScreeningLib.phantom import generator

    shapes, generate = [], generator.generate

    def watched(specification):
        shapes.append(qt.QApplication.overrideCursor().shape())
        return generate(specification)

    monkeypatch.setattr(generator, "generate", watched)
    SAMPLES[1].load()
    assert shapes == [qt.Qt.WaitCursor]
    assert qt.QApplication.overrideCursor() is None


def test_a_slicer_without_sample_data_starts_all_the_same(module, monkeypatch):
    from PDACScreeningPanel.sample_data import register_samples

    monkeypatch.setitem(sys.modules, "SampleData", None)  # importing it raises ModuleNotFoundError
    register_samples()


@pytest.mark.parametrize(
    ("dialog", "button", "answer"),
    [
        ("getExistingDirectory", "modelFolderButton", ""),
        ("getExistingDirectory", "saveDicomButton", ""),
        ("getSaveFileName", "saveReportButton", ("", "")),
    ],
)
def test_a_dialog_opens_in_front_of_slicers_window(module_widget, monkeypatch, dialog, button, answer):
    import qt

    window = qt.QWidget()
    window.setObjectName("qSlicerMainWindow")
    window.objectName = "qSlicerMainWindow"  # PythonQt's properties are values
    parents = []
    monkeypatch.setattr(qt.QFileDialog, dialog, lambda parent, *_given: parents.append(parent) or answer)
    getattr(module_widget.ui, button).clicked.emit()
    assert parents == [window]


def test_slicers_process_never_imports_torch():
    code = (
        "import sys, tempfile, types\n"
        "from pathlib import Path\n"
        "sys.path[:0] = ['Testing/SlicerHost', 'PDACScreening']\n"
        "from slicer_host.start import start\n"
        "scene = start(Path(tempfile.mkdtemp()))\n"
        "import qt, slicer, PDACScreening\n"
        "slicer.modules.pdacscreening = types.SimpleNamespace(path='PDACScreening/PDACScreening.py')\n"
        "parent = slicer.qMRMLWidget(); parent.setLayout(qt.QVBoxLayout()); parent.isEntered = True\n"
        "widget = PDACScreening.PDACScreeningWidget(parent); widget.setup(); widget.enter()\n"
        "import PDACScreeningLib.mrml.screening_run, PDACScreeningLib.mrml.rescored_nodes\n"
        "import PDACScreeningLib.mrml.review\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
