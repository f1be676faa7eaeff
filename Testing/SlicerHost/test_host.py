"""The host itself: is it strict where Slicer is strict, and real where it says so?"""

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
