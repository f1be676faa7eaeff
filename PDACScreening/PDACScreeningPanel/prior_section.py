"""Two results of one patient side by side."""

from slicer.i18n import tr as _

from PDACScreeningLib.mrml.result_record import RESULT_ATTRIBUTE, read_record
from PDACScreeningLib.mrml.segmentation_node import pancreas_centroid_lps_mm
from PDACScreeningLib.report.prior_comparison import change_sentence, compare_findings
from PDACScreeningPanel.translation import translated


class PriorSection:
    """Compares the shown result with an earlier one, region by region."""

    def __init__(self, ui):
        self.ui = ui
        self._result = None
        ui.priorSelector.addAttribute("vtkMRMLSegmentationNode", RESULT_ATTRIBUTE)
        ui.priorSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self._compare())

    def show(self, result):
        """Compare this one from now on. result: a ShownResult, or None."""
        self._result = result
        self._compare()

    def _compare(self):
        prior = self.ui.priorSelector.currentNode()
        self.ui.priorLabel.text = self._sentences(prior)
        self.ui.priorLabel.visible = bool(self.ui.priorLabel.text)

    def _sentences(self, prior):
        if prior is None or self._result is None or not self._result.is_current:
            return ""
        if prior is self._result.segmentation_node:
            return _("That is the result above.")
        record = read_record(prior)
        if record is None:
            return ""
        before = record.rescoring.screening if record.rescoring is not None else record.screening
        places = [pancreas_centroid_lps_mm(node) for node in (prior, self._result.segmentation_node)]
        if None in places:
            return _("One of the two results holds no pancreas, so that their places cannot be compared.")
        shift = tuple(later - earlier for earlier, later in zip(*places, strict=True))
        changes = compare_findings(before, self._result.screening, shift_lps_mm=shift)
        lines = [
            f"{change.after.number if change.after else '-'}: {translated(change_sentence(change))}"
            for change in changes
        ]
        lines = lines or [_("No findings in either result.")]
        named = _("Prior: {name}. Whether both are of one patient is for you to know.").format(name=record.volume_name)
        return "\n".join([named, *lines])
