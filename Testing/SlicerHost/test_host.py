"""The host itself: is it strict where Slicer is strict, and real where it says so?"""

import signal
import subprocess
import time

import pytest


@pytest.fixture
def button(host):
    import qt

    return qt.QPushButton("Screen")


def test_qt_properties_are_attributes(button):
    assert button.text == "Screen"
    button.enabled = 0
    assert button.enabled is False


def test_a_misspelt_attribute_raises(button):
    with pytest.raises(AttributeError, match="enabledd"):
        button.enabledd = False


def test_a_misspelt_signal_raises(button):
    with pytest.raises(ValueError, match="no signal"):
        button.connect("clickd(bool)", print)


def test_a_string_connection_calls_back_and_can_be_cut(button):
    heard = []

    def hear(checked):
        heard.append(checked)

    button.connect("clicked(bool)", hear)
    button.click()
    button.disconnect("clicked(bool)", hear)
    button.click()
    assert heard == [False]


def test_a_node_selector_follows_the_scene(scene):
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(scene)
    heard = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: heard.append(node))
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    assert selector.currentNode() is node
    scene.RemoveNode(node)
    assert selector.currentNode() is None
    assert heard == [node, None]
    selector.setMRMLScene(None)


def test_a_parameter_node_keeps_typed_values(scene):
    import slicer
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    @parameterNodeWrapper
    class Parameters:
        volume: slicer.vtkMRMLScalarVolumeNode
        model: str = "demo"
        opacity: float = 0.5

    node = scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    parameters = Parameters(node)
    assert (parameters.volume, parameters.model, parameters.opacity) == (None, "demo", 0.5)
    parameters.opacity = 0.25
    parameters.model = ""
    assert Parameters(node).opacity == 0.25
    assert Parameters(node).model == ""
    with pytest.raises((TypeError, ValueError)):
        parameters.opacity = "much"


def test_the_scene_has_three_slice_views(scene):
    assert scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode") == 3


def test_a_node_selector_loses_its_node_when_a_scene_was_read_in(scene, tmp_path):
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTextNode"]
    selector.noneEnabled = True
    selector.setMRMLScene(scene)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "own")
    selector.setCurrentNode(node)
    other = slicer.vtkMRMLScene()
    other.AddNewNodeByClass("vtkMRMLTextNode", "other")
    other.SetURL(str(tmp_path / "other.mrml"))
    assert other.Commit()
    scene.SetURL(other.GetURL())
    assert scene.Import()
    assert selector.nodeCount() == 2
    assert selector.currentNode() is None
    selector.setMRMLScene(None)


def test_the_three_slice_views_look_in_three_directions(scene):
    import slicer

    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    assert {view.GetOrientation() for view in views} == {"Axial", "Sagittal", "Coronal"}


@pytest.mark.provokes_errors
def test_an_error_that_mrml_says_aloud_is_heard(scene):
    import slicer

    slicer._messages.errors()
    slicer.vtkMRMLSliceNode().SetOrientation("no such orientation")
    (error,) = slicer._messages.errors()
    assert "no such orientation" in error


def test_undo_of_the_editor_is_the_real_one(scene):
    import slicer

    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(scene)
    editor.setMRMLSegmentEditorNode(scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("Tumor", "Tumor")
    editor.setSegmentationNode(node)
    editor.saveStateForUndo()
    node.GetSegmentation().AddEmptySegment("Second", "Second")
    editor.undo()
    assert node.GetSegmentation().GetNumberOfSegments() == 1


def launched(code, **options):
    """A child of the launcher, as `subprocess.Popen` gives it."""
    import slicer

    return subprocess.Popen([slicer._launcher, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def test_the_launcher_hands_standard_input_on_and_sets_its_own_environment(host):
    code = (
        "import os, sys; sys.exit(7 if sys.stdin.read() == 'order' and os.environ.get('SLICER_HOST_LAUNCHER') else 1)"
    )
    with launched(code) as child:
        child.communicate(b"order", timeout=20)
    assert child.returncode == 7


def test_the_launcher_makes_a_killed_python_an_exit_code_of_one(host):
    with launched("import os, signal; os.kill(os.getpid(), signal.SIGKILL)") as child:
        said = child.communicate(timeout=20)[1]
    assert (child.returncode, b"exit abnormally" in said) == (1, True)


def test_the_launcher_does_not_pass_sigterm_on(host, tmp_path):
    alive = tmp_path / "alive"
    code = f"import pathlib, time; time.sleep(1); pathlib.Path({str(alive)!r}).touch()"
    with launched(code) as child:
        time.sleep(0.5)
        child.terminate()
        child.wait(20)
        deadline = time.monotonic() + 20
        while not alive.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert child.returncode == -signal.SIGTERM
    assert alive.exists()
