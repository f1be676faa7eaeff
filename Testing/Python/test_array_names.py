"""One name for what a volume's array holds: HU_ZYX and LABELS_ZYX are not spelled out again where they are in use."""

from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "PDACScreeningLib"
SPELLED_OUT = {"NDArray[np.int16]": "HU_ZYX", "NDArray[np.uint8]": "LABELS_ZYX"}
ROOMS_TO_COME = {"evaluation", "mrml", "phantom", "scan_files", "training"}
OTHER_MEANING = {
    "dicom/key_image_object.py",  # a colored picture
    "dicom/segments.py",  # numbers of DICOM segments
    "report/viewer_scan.py",  # bytes of a page
    "volume/arrays.py",  # the definition
    "volume/label_mapping.py",  # a table that says which number is which
}


def modules():
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).as_posix()
        if name.split("/")[0] not in ROOMS_TO_COME and name not in OTHER_MEANING:
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("spelled", "alias"), SPELLED_OUT.items())
def test_an_array_of_a_volume_goes_by_its_name(spelled, alias):
    assert [name for name, text in modules() if spelled in text] == [], f"write {alias}"
