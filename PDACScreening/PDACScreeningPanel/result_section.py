"""The result: a banner that is read in two seconds, what to beware of under it, and everything else under Details."""

import qt
from slicer.i18n import tr as _

from PDACScreeningLib.report.outcome_banner import not_current_banner, outcome_banner, stale_banner
from PDACScreeningLib.report.score_panel import score_panel
from PDACScreeningLib.resources import resource
from PDACScreeningPanel.translation import translated

ICON_PIXELS = 40


class ResultSection:
    """Shows the strings of one result; an empty string takes no room."""

    def __init__(self, ui):
        self.ui = ui
        self._screening = None
        self._icons = {}
        ui.whatIfSlider.connect("valueChanged(int)", lambda _value: self._say_what_if())

    def show(self, result):
        """Fill the panel. result: a ShownResult, or None when there is nothing to show."""
        for name, text in self._texts(result).items():
            label = getattr(self.ui, name)
            label.text = translated(text)
            label.visible = bool(text)
        self._show_banner(_banner(result))
        self._show_what_if(result)

    def _texts(self, result):
        names = ("stateLabel", "reasonLabel", "demoLabel", "warningsLabel", "detailsLabel")
        nothing = dict.fromkeys(names, "")
        if result is None:
            return nothing | {"reasonLabel": _("No result yet.")}
        panel = score_panel(result.screening, result.volume_name)
        if not result.is_current:  # what is not about the image in the scene must not look as if it were
            checking = result.state_text if result.state == "CHECKING" else ""
            return nothing | {"stateLabel": checking, "detailsLabel": panel.source}
        return {
            "stateLabel": f"{result.state_text} {panel.notice}",
            "reasonLabel": "",
            "demoLabel": panel.demo,
            "warningsLabel": "\n".join(panel.warnings),
            "detailsLabel": panel.details,
        }

    def _show_banner(self, banner):
        ui = self.ui
        ui.bannerFrame.visible = banner is not None
        ui.verdictLabel.text = translated(banner.headline) if banner is not None else ""
        ui.bannerLineLabel.text = translated(banner.line) if banner is not None else ""
        ui.bannerLineLabel.visible = banner is not None and bool(banner.line)
        if banner is None:
            return
        tone = banner.tone
        ui.bannerFrame.styleSheet = f"QFrame {{ background: {tone.ground_color}; color: {tone.text_color}; }}"
        if tone not in self._icons:
            self._icons[tone] = qt.QPixmap(str(resource(tone.icon)))
        ui.bannerIcon.setPixmap(self._icons[tone])

    def _show_what_if(self, result):
        """The slider replays the model's own count; where that does not decide, it is not there."""
        screening = result.screening if result is not None and result.has_fresh_score else None
        possible = screening is not None and screening.tumor_voxels is not None and screening.protocol is not None
        self._screening = None  # so that setting the slider says nothing
        for widget in (self.ui.whatIfCaption, self.ui.whatIfSlider, self.ui.whatIfLabel):
            widget.visible = possible
        if possible:
            self.ui.whatIfSlider.value = screening.protocol.decision.min_tumor_voxels
            self._screening = screening
            self._say_what_if()

    def _say_what_if(self):
        if self._screening is None:
            return
        from PDACScreeningLib.report.score_panel import what_if

        self.ui.whatIfLabel.text = translated(what_if(self._screening, self.ui.whatIfSlider.value))


def _banner(result):
    if result is None or result.state == "CHECKING":
        return None
    if not result.is_current:
        return not_current_banner(result.state_text)
    return outcome_banner(result.screening) if result.has_fresh_score else stale_banner(result.screening)
