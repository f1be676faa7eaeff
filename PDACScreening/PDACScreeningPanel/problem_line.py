"""What went wrong, said beside the button that was pressed: a sentence and a button that copies the diagnostics."""

import logging
from contextlib import contextmanager

import slicer
from slicer.i18n import tr as _

from PDACScreeningLib.child_run.run_failure import error_diagnostics
from PDACScreeningLib.errors import PDACScreeningError
from PDACScreeningPanel.translation import translated

_logger = logging.getLogger(__name__)


class ProblemLine:
    """One line of the panel; it takes no room while there is no problem. Nothing pops up."""

    def __init__(self, label, copy_button):
        self._label, self._copy_button, self._diagnostics = label, copy_button, ""
        copy_button.connect("clicked(bool)", lambda _checked: self._copy())
        self.clear()

    def say(self, sentence, diagnostics=""):
        """Show a sentence. diagnostics: what the button copies; without any there is no button."""
        self._label.text, self._label.visible = translated(sentence), bool(sentence)
        self._copy_button.text = _("Copy diagnostics")
        self._copy_button.visible, self._diagnostics = bool(diagnostics), diagnostics

    def clear(self):
        """There is no problem any more."""
        self.say("")

    @contextmanager
    def told(self, what):
        """Do something that may fail, with a wait cursor; a failure ends here, in words.

        what: the sentence for an error that nobody foresaw. One that the library explains speaks for itself.
        """
        self.clear()
        try:
            with slicer.util.WaitCursor():
                yield
        except PDACScreeningError as error:
            self.say(str(error))
        except Exception as error:  # the end of the line: an error in a click would only reach the console
            _logger.exception("an unexpected error in the panel")
            self.say(what + " " + _("Copy the diagnostics and report it."), error_diagnostics(error))

    def _copy(self):
        slicer.app.clipboard().setText(self._diagnostics)
        self._copy_button.text = _("Copied: no patient and no folder is named")
