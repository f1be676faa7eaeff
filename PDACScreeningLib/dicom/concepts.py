"""The codes of our DICOM objects, each once: standard ones where there are some, ours where there are none.

Categories are those of today's CID 7150; `Resources/terminology/segments.json` keeps the older ones that 3D Slicer has.
"""

from __future__ import annotations

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from PDACScreeningLib.outcome import Outcome
from PDACScreeningLib.volume.label_map import Label

OURS = "99PDACSCREEN"  # a private coding scheme, as the leading 99 says

ARTIFICIAL_INTELLIGENCE = CodedConcept("123110", "DCM", "Artificial Intelligence")
PANCREAS = CodedConcept("15776009", "SCT", "Pancreas")
MASS = CodedConcept("4147007", "SCT", "Mass")
CATEGORY = {
    Label.PANCREAS: CodedConcept("91723000", "SCT", "Anatomical Structure"),
    Label.TUMOR: CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
}
TYPE = {Label.PANCREAS: PANCREAS, Label.TUMOR: MASS}

CT_PROCEDURE = CodedConcept("25045-6", "LN", "CT unspecified body region")
SUMMARY = CodedConcept("111017", "DCM", "CAD Processing and Findings Summary")
_WITH_FINDINGS = CodedConcept("111242", "DCM", "All algorithms succeeded; with findings")
_WITHOUT_FINDINGS = CodedConcept("111241", "DCM", "All algorithms succeeded; without findings")
_NO_ANSWER = CodedConcept("111245", "DCM", "No algorithms succeeded; without findings")
COMMENT = CodedConcept("121106", "DCM", "Comment")
OUTCOME = CodedConcept("OUTCOME", OURS, "Screening outcome")

SCORE = CodedConcept("SCORE", OURS, "Screening score, not a probability")
RULE_VOXELS = CodedConcept("RULE_VOXELS", OURS, "Tumor voxels of the working grid")
RULE_THRESHOLD = CodedConcept("RULE_THRESHOLD", OURS, "Voxels of the working grid from which a scan is suspicious")
RULE_VOLUME = CodedConcept("RULE_VOLUME", OURS, "Volume on the working grid")
NETWORK_OUTPUT = CodedConcept("NETWORK_OUTPUT", OURS, "Mean output of the networks for the class tumor")
VOLUME = CodedConcept("118565006", "SCT", "Volume")
DIAMETER = CodedConcept("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh")
ATTENUATION = CodedConcept("112031", "DCM", "Attenuation Coefficient")
MEAN = CodedConcept("373098007", "SCT", "Mean")

MM = CodedConcept("mm", "UCUM", "millimeter")
MM3 = CodedConcept("mm3", "UCUM", "cubic millimeter")
HOUNSFIELD = CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit")
VOXELS = CodedConcept("{voxels}", "UCUM", "voxels")
FROM_0_TO_1 = CodedConcept("{0:1}", "UCUM", "range 0:1")

OF_INTEREST = codes.DCM.OfInterest


def outcome_concept(outcome: Outcome) -> CodedConcept:
    """The outcome in our own words."""
    return CodedConcept(outcome.value, OURS, outcome.verdict[:64])


def summary_concept(outcome: Outcome) -> CodedConcept:
    """The outcome in the standard's words. Only a result claims an assessment; no answer is never a negative one."""
    if outcome is Outcome.SUSPICIOUS:
        return _WITH_FINDINGS
    return _WITHOUT_FINDINGS if outcome is Outcome.NOT_SUSPICIOUS else _NO_ANSWER
