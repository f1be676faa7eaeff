"""The score panel: the verdict in plain words first, then what it rests on."""

from slicer.i18n import tr as _

from PDACScreeningLib.report.score_panel import score_panel


class ResultSection:
    """Shows the strings of one result; an empty string takes no room."""

    def __init__(self, ui):
        self.ui = ui

    def show(self, result):
        """Fill the panel. result: a ShownResult, or None when there is nothing to show."""
        texts = self._texts(result)
        for name, text in texts.items():
            label = getattr(self.ui, name)
            label.text = text
            label.visible = bool(text)

    def _texts(self, result):
        names = (
            "stateLabel",
            "verdictLabel",
            "reasonLabel",
            "demoLabel",
            "warningsLabel",
            "scoreLabel",
            "tumorLabel",
            "scalesLabel",
            "modelLabel",
            "sourceLabel",
            "noticeLabel",
        )
        if result is None:
            return dict.fromkeys(names, "") | {"reasonLabel": _("No result yet.")}
        panel = score_panel(result.screening, result.volume_name)
        if not result.is_current:  # what is not about the image in the scene must not look as if it were
            return dict.fromkeys(names, "") | {"stateLabel": result.state_text, "sourceLabel": panel.source}
        return {
            "stateLabel": result.state_text,
            "verdictLabel": panel.verdict,
            "reasonLabel": panel.reason,
            "demoLabel": panel.demo,
            "warningsLabel": "\n".join(panel.warnings),
            "scoreLabel": panel.score,
            "tumorLabel": panel.tumor,
            "scalesLabel": "\n".join(panel.scales),
            "modelLabel": panel.model,
            "sourceLabel": panel.source,
            "noticeLabel": panel.notice,
        }
