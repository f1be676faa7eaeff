"""Pictures of the module's panel, taken in the test host: real Qt and real MRML, stand-ins for Slicer's own widgets.

Run by `make pictures`, with what `pip install -e .[slicer-host]` installs. The scan and its result are made without
weights (Testing/SlicerHost/made_result.py); the numbers in the pictures show the panel, not what a model can do.
"""

import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("Testing/SlicerHost", "Testing/Python", "PDACScreening")]

from slicer_host.start import start  # noqa: E402  the host needs the paths above

WIDTH, HEIGHT = 460, 800  # pixels
TARGET = ROOT / "docs" / "pictures"


def open_panel(scene):
    """The panel, in a window of its own."""
    import qt
    import slicer

    import PDACScreening

    slicer.modules.pdacscreening = types.SimpleNamespace(path=str(ROOT / "PDACScreening" / "PDACScreening.py"))
    parent = slicer.qMRMLWidget()
    parent.setLayout(qt.QVBoxLayout())
    parent.setMRMLScene(scene)
    parent.isEntered = True
    widget = PDACScreening.PDACScreeningWidget(parent)
    widget.setup()
    widget.enter()
    parent.resize(WIDTH, HEIGHT)
    parent.show()
    return widget


def take(widget, name):
    """Write one picture."""
    import slicer

    for _ in range(5):
        widget.parent.resize(WIDTH, max(HEIGHT, widget.parent.layout().totalHeightForWidth(WIDTH)))
        slicer.app.processEvents()
    widget.parent.grab().save(str(TARGET / f"slicer_panel_{name}.png"))


def darken():
    """Qt's own style with a dark palette, as Slicer's dark style has it."""
    import qt

    palette = qt.QPalette()
    dark, light, dim = qt.QColor(45, 45, 45), qt.QColor(230, 230, 230), qt.QColor(130, 130, 130)
    for role in (qt.QPalette.Window, qt.QPalette.Base, qt.QPalette.Button, qt.QPalette.AlternateBase):
        palette.setColor(role, dark)
    for role in (qt.QPalette.WindowText, qt.QPalette.Text, qt.QPalette.ButtonText):
        palette.setColor(role, light)
        palette.setColor(qt.QPalette.Disabled, role, dim)
    palette.setColor(qt.QPalette.PlaceholderText, dim)
    qt.QApplication.setPalette(palette)


def show_states(widget, folder):
    """The panel from idle to edited, one picture a state."""
    import slicer
    from made_result import SMALL, make_result
    from panel_driving import choose, paint, press_screen
    from run_driving import fake_python, replaying_python, until
    from screening_inputs import NOTICE, write_model

    from PDACScreeningLib.inference.screening import NO_PANCREAS
    from PDACScreeningLib.screening_result import ModelFacts, Outcome, Screening, write_screening
    from PDACScreeningLib.volume.label_map import Label

    example = ModelFacts("example", "nothing", NOTICE, True, "", "it was chosen for this picture")
    made, model = make_result(folder, example), write_model(folder / example.name, Label.TUMOR, is_demo=True)
    take(widget, "idle")
    volume = slicer.util.loadVolume(str(made.scan))
    volume.SetName("CT abdomen")
    choose(widget, volume, model)
    event = '{"event": "progress", "stage": "coarse scan (64^3)", "done": 9, "total": 21, "eta_s": 40}'
    widget.logic.python = fake_python(folder, f"print({event!r}, flush=True); time.sleep(60)")
    widget.ui.screenButton.click()
    until(lambda: widget.ui.progressBar.value > 0)
    take(widget, "running")
    widget.screening.abandon()
    widget.logic.python = replaying_python(folder, made.folder)
    press_screen(widget)
    widget.ui.nextFindingButton.click()
    take(widget, "suspicious")
    darken()
    take(widget, "suspicious_dark")
    paint(widget._parameterNode.result, volume, "Tumor", SMALL, 0)
    until(lambda: "stale" in widget.ui.stateLabel.text)
    take(widget, "edited_dark")
    (made.folder / "labels.seg.nrrd").unlink()
    nothing = Screening(Outcome.INDETERMINATE, NO_PANCREAS, model=example, input=made.screening.input)
    write_screening(nothing, made.folder / "screening.json")
    press_screen(widget)
    take(widget, "not_assessable_dark")
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    until(lambda: "Not current" in widget.ui.stateLabel.text)
    take(widget, "not_current_dark")


def main():
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        widget = open_panel(start(Path(folder)))
        show_states(widget, Path(folder))
        widget.cleanup()


if __name__ == "__main__":
    main()
