"""What was measured of a model, as `model.json` keeps it: so that whoever sees a score can see what it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MeasuredShare:
    """k of n with its 95 % Wilson interval; the interval is None when n is 0."""

    count: int
    total: int
    low: float | None
    high: float | None

    @property
    def text(self) -> str:
        """For a sentence, never as a percentage: "19 of 30 (0.63, interval 0.46 to 0.78)"."""
        if self.total == 0 or self.low is None or self.high is None:
            return "0 of 0"
        value = self.count / self.total
        return f"{self.count} of {self.total} ({value:.2f}, interval {self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class MeasuredPerformance:
    """The rule's operating point and the area under the ROC curve, with what they were measured on.

    these_weights: measured with the weights of this very model; False: with the models of a cross-validation, trained
    in the same way on other parts of the data. auc: None without scans of both kinds.
    trained_on_others: None: no record tells whether a model had seen the cases; figures of one that had are refused.
    every_fold: scans without a tumor were read by every fold, and each reading counts.
    """

    source: str  # one sentence: where the cases come from
    is_synthetic: bool  # all of them phantoms
    cases_sha256: str
    patients: int
    folds: int  # 0: no cross-validation
    these_weights: bool
    min_tumor_voxels: int
    sensitivity: MeasuredShare
    specificity: MeasuredShare
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    experiment_sha256: str
    trained_on_others: bool | None = None
    every_fold: bool = False
    protocol: str = "exact"  # of the readings
    min_score: float | None = None  # called from this score on, instead of K voxels
    overlapping: MeasuredShare | None = None  # called, and the tumor itself was found (DSC of at least 0.1)
    chosen_for: str = ""  # such as "sensitivity=0.95"; "" = the rule was not chosen on these cases
    scores_with: tuple[float, ...] = ()  # of the readings with a tumor, smallest first; () = of an older publication
    scores_without: tuple[float, ...] = ()  # of those without

    def sentence(self, *, is_demo: bool) -> str:
        """One sentence for score panel, report and list of models, without a percentage."""
        with_tumor, without = self.sensitivity.total, self.specificity.total
        counted = "readings" if self.every_fold else "scans"
        area = "" if self.auc is None else f"; area under the ROC curve of the score {self._area()}"
        patients = "; this says nothing about patients" if is_demo or self.is_synthetic else ""
        protocol = "" if self.protocol == "exact" else f"; {self.protocol} protocol"
        closing = f"{protocol}; intervals at the 0.95 level{self._unknown_training_note()}{patients}"
        return (
            f"{self._how()} on {with_tumor} {counted} with and {without} without a tumor ({self.source.rstrip('.')}): "
            f"{self._rule()} called suspicious were {self.sensitivity.text} with a "
            f"tumor{self._overlapping()}, not called {self.specificity.text} without{area}{closing}"
        )

    def _rule(self) -> str:
        count = f"from {self.min_tumor_voxels} tumor voxels on"
        rule = count if self.min_score is None else f"from a score of {self.min_score:.3f} on"
        if not self.chosen_for:
            return rule
        return f"{rule} (chosen on these very cases for {self.chosen_for}, hence optimistic)"

    def _overlapping(self) -> str:
        if self.overlapping is None:
            return ""
        return f", with the tumor itself found in {self.overlapping.count} of them"

    def _how(self) -> str:
        if self.these_weights:
            return "measured with these weights"
        if self.trained_on_others:
            return f"{self.folds}-fold cross-validation of its kind"
        return f"{self.folds} models of its kind, one for each fold of a split,"

    def _unknown_training_note(self) -> str:
        """Says that the model may have been trained on these cases, when no record rules it out; "" when one does."""
        return "" if self.trained_on_others else "; whether these cases were kept from the training is not recorded"

    def _area(self) -> str:
        interval = "" if self.auc_low is None else f" (interval {self.auc_low:.2f} to {self.auc_high:.2f})"
        return f"{self.auc:.2f}{interval}"
