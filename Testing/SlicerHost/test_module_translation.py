"""With another language in Slicer, no English sentence is left on the panel.

The language is a made-up one: every letter of a source string becomes Greek, and what is put into it stays as it is. So
a word in Latin letters is a name, a unit, the text of a model card or of a person, or it was forgotten.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import slicer
from made_result import make_result
from panel_driving import choose, paint, press_screen
from PySide6 import QtWidgets
from run_driving import fake_python, replaying_python, until
from sample_screenings import MODEL
from screening_inputs import NOTICE, write_model
from slicer_host.start_order import new_panel

from PDACScreeningLib.report.translation import SentenceBook
from PDACScreeningLib.resources import resource
from PDACScreeningLib.volume.label_map import Label

VOLUME, NOTE, READER = "Wexford", "compare with the MRI", "Example"
VALUES = {
    "mm",
    "mL",
    "UTC",
    "cpu",
    "Copy",
    "TUMOR",
    "tiny",
    "PDACScreening",
    "PDAC",
    "LPS",
    "MRI",
    "Dice",
    VOLUME,
    READER,
}
CARD = " ".join(
    (MODEL.notice, MODEL.trained_on, MODEL.performance, MODEL.name, NOTICE, NOTE, "nothing", "screening of")
)


def greek(_context, sentence=None):
    """A source string in the made-up language; the names of values stay."""
    parts = re.split(r"(\{\w*\})", _context if sentence is None else sentence)
    return "".join(part if part.startswith("{") else re.sub("[A-Za-z]", _letter, part) for part in parts)


def _letter(found):
    return chr(ord("α") + (ord(found[0].lower()) - ord("a")) % 24)


@pytest.fixture
def panel(module, scene, monkeypatch):
    """A panel that was set up in the other language."""
    for name, part in list(sys.modules.items()):
        if name.startswith("PDACScreening") and not name.startswith("PDACScreeningLib") and hasattr(part, "_"):
            monkeypatch.setattr(part, "_", greek)
    translation, sentences = (
        sys.modules[f"PDACScreeningPanel.{name}"] for name in ("translation", "library_sentences")
    )
    monkeypatch.setattr(translation, "_book", SentenceBook(sentences.SENTENCES, greek))
    widget = new_panel(module.PDACScreeningWidget)
    widget.enter()
    yield widget
    widget.cleanup()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_result(tmp_path_factory.mktemp("made"))


def static_texts():
    """What stands in the .ui file, which Qt translates by itself."""
    tree = ElementTree.fromstring(resource("UI/PDACScreening.ui").read_text(encoding="utf-8"))
    return {item.text for item in tree.iter("string")}


def said(panel):
    """Every text on the panel and in its tool tips that is not of the .ui file."""
    texts = []
    for widget in panel.parent.findChildren(QtWidgets.QWidget):
        texts.append(widget.toolTip if isinstance(widget.toolTip, str) else widget.toolTip())
        if isinstance(widget, QtWidgets.QLabel | QtWidgets.QPushButton):
            texts.append(widget.text if isinstance(widget.text, str) else widget.text())
        if isinstance(widget, QtWidgets.QTableWidget):
            cells = [(row, column) for row in range(widget.rowCount) for column in range(widget.columnCount)]
            texts += [widget.item(*cell).text() for cell in cells if widget.item(*cell) is not None]
            texts += [widget.horizontalHeaderItem(column).text() for column in range(widget.columnCount)]
    return {text for text in texts if text} - static_texts()


def forgotten(panel):
    """Texts with words that nobody translated."""
    known = {word.lower() for word in (*VALUES, *re.findall("[A-Za-z]+", CARD))}
    return {text for text in said(panel) if set(re.findall("[a-z]{3,}", text.lower())) - known}


def test_no_english_is_left_from_screening_to_review(panel, made, tmp_path):
    volume = slicer.util.loadVolume(str(made.scan))
    volume.SetName(VOLUME)
    assert forgotten(panel) == set()
    panel.logic.python = replaying_python(tmp_path, made.folder)
    choose(panel, volume, write_model(tmp_path / "tiny", Label.TUMOR))
    assert forgotten(panel) == set()
    press_screen(panel)
    until(lambda: not panel._refreshTimer.isActive() and not panel._checkTimer.isActive())
    assert panel.ui.verdictLabel.text == greek("Suspicious region found")
    assert forgotten(panel) == set()
    paint(panel._parameterNode.result, volume, "Tumor", np.s_[6:9, 8:20, 8:20])
    until(lambda: panel.ui.verdictLabel.text == greek("Edited: the score is stale"), patience_s=10)
    assert forgotten(panel) == set()
    panel.ui.rescoreButton.click()
    assert panel.ui.changeLabel.text != ""
    assert forgotten(panel) == set()
    slicer.app.applicationLogic().GetUserInformation().SetName(READER)
    panel.ui.reviewerNote.setText(NOTE)
    panel.ui.acceptButton.click()
    slicer.app.applicationLogic().GetUserInformation().SetName("")
    assert panel.ui.reviewLabel.text.endswith(NOTE)
    assert forgotten(panel) == set()
    slicer.mrmlScene.RemoveNode(volume)
    until(lambda: panel.ui.verdictLabel.text == greek("Not current"), patience_s=10)
    assert forgotten(panel) == set()


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("os.kill(os.getpid(), 9)", "The screening process was ended from outside"),
        ("sys.stderr.write('No space left on device'); sys.exit(1)", "The disk for temporary files is full."),
        (
            "reason = 'the input has only 3 voxels (2 slices): at least 8 slices are needed, give the whole abdomen';"
            'print(json.dumps({"event": "result", "outcome": "REJECTED", "reason": reason, "exit_code": 4}))',
            "Not assessable",
        ),
    ],
    ids=["killed", "disk", "rejected"],
)
def test_no_english_is_left_of_what_went_wrong(panel, made, tmp_path, code, sentence):
    volume = slicer.util.loadVolume(str(made.scan))
    volume.SetName(VOLUME)
    panel.logic.python = fake_python(tmp_path, code)
    choose(panel, volume, write_model(tmp_path / "tiny", Label.TUMOR))
    press_screen(panel)
    assert panel.ui.problemLabel.text.startswith(greek(sentence))
    assert forgotten(panel) == set()


def test_the_test_sees_a_sentence_that_was_forgotten(panel):
    panel.ui.stateLabel.text = "Forgotten sentence"
    assert forgotten(panel) == {"Forgotten sentence"}
