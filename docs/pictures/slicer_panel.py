"""Pictures of the module's panel, taken in the test host: real Qt and real MRML, stand-ins for Slicer's own widgets.

Run by `make pictures`. The scan is the phantom of `make demo`, the result what the demo model said of it; pictures of
states that the demo does not reach (running, not assessable) replay their events.
"""

import io
import sys
import tempfile
import types
from dataclasses import replace
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("Testing/SlicerHost", "Testing/Python", "PDACScreening")]

from slicer_host.start import start  # noqa: E402  the host needs the paths above

WIDTH, HEIGHT = 460, 800  # pixels
SCREEN_LINES = 1080  # of a usual screen
COLORS = 256
TARGET = ROOT / "docs" / "pictures"
SCAN, RESULT = ROOT / "demo" / "phantom-tumor" / "ct.nii.gz", ROOT / "demo" / "result-tumor"
MODEL = "demo-phantom"


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


def take(widget, name, height=HEIGHT):
    """Write one picture, of few colors; it is higher where the panel needs it."""
    import qt
    import slicer

    slicer.app.userSettings().clear()  # how fast a replayed run was means nothing
    widget.screening.update()
    for _ in range(5):
        widget.parent.resize(WIDTH, max(height, widget.parent.layout().totalHeightForWidth(WIDTH)))
        slicer.app.processEvents()
    buffer = qt.QBuffer()
    buffer.open(qt.QIODevice.ReadWrite)
    widget.parent.grab().save(buffer, "PNG")
    picture = Image.open(io.BytesIO(bytes(buffer.data()))).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(TARGET / f"slicer_panel_{name}.png", optimize=True)


def take_a_screen(widget, name):
    """The panel as high as a usual screen, where nothing may have to be scrolled to."""
    needed = widget.parent.layout().totalHeightForWidth(WIDTH)
    if needed > SCREEN_LINES:
        raise ValueError(f"the panel needs {needed} lines, a screen has {SCREEN_LINES}")
    take(widget, name, height=SCREEN_LINES)


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


def show_states(widget, folder, ending):
    """The panel from idle to edited, one picture a state. ending: of the names of the pictures."""
    import slicer
    from panel_driving import choose, paint, press_screen
    from run_driving import fake_python, replaying_python, until

    from PDACScreeningLib.session.stored_result import read_screening

    take(widget, f"idle{ending}")
    volume = slicer.util.loadVolume(str(SCAN), {"name": "CT abdomen"})
    choose(widget, volume, MODEL)
    event = '{"event": "progress", "stage": "coarse scan (64^3)", "done": 9, "total": 21, "eta_s": 40}'
    widget.logic.python = fake_python(folder, f"print({event!r}, flush=True); time.sleep(60)")
    widget.ui.screenButton.click()
    until(lambda: widget.ui.progressBar.value > 0)
    take(widget, f"running{ending}")
    widget.screening.abandon()
    widget.logic.python = replaying_python(folder, RESULT)
    press_screen(widget)
    widget.ui.nextFindingButton.click()
    take(widget, f"suspicious{ending}")
    if not ending:
        take_a_screen(widget, "1080")
    erase_half(widget, volume, paint)
    until(lambda: "stale" in widget.ui.stateLabel.text)
    take(widget, f"stale{ending}")
    widget.ui.rescoreButton.click()
    widget.ui.reviewerNote.text = "Upper half is bowel"
    widget.ui.acceptButton.click()
    take(widget, f"edited{ending}")
    widget.logic.python = replaying_python(folder, not_assessable(folder / "not-assessable", read_screening(RESULT)))
    press_screen(widget)
    take(widget, f"not_assessable{ending}")
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    until(lambda: "Not current" in widget.ui.verdictLabel.text)
    take(widget, f"not_current{ending}")


def erase_half(widget, volume, paint):
    """A reviewer takes the upper half of the first finding away."""
    result = widget._parameterNode.result
    finding = widget.logic.shown_result(result).screening.findings[0]
    from PDACScreeningLib.mrml.ct_volume_node import geometry_of

    plane = round(float(geometry_of(volume).world_to_index(finding.centroid_lps_mm)[0]))
    paint(result, volume, "Tumor", slice(plane, None), 0)


def not_assessable(folder, screening):
    """A result folder that says the pancreas was not found in this scan."""
    from PDACScreeningLib.inference.engine import NO_PANCREAS
    from PDACScreeningLib.outcome import Outcome
    from PDACScreeningLib.screening_json import write_screening
    from PDACScreeningLib.screening_result import Screening

    folder.mkdir(exist_ok=True)
    nothing = Screening(Outcome.INDETERMINATE, NO_PANCREAS, model=screening.model, input=screening.input)
    write_screening(replace(nothing, provenance=screening.provenance), folder / "screening.json")
    return folder


def main():
    """Take all pictures, light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        scene = start(Path(folder))
        for ending in ("", "_dark"):
            widget = open_panel(scene)
            show_states(widget, Path(folder), ending)
            widget.cleanup()
            widget.parent.hide()
            scene.Clear(0)
            darken()


if __name__ == "__main__":
    main()
