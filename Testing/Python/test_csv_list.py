"""Cases listed in a CSV file."""

import pytest

from PDACScreeningLib.datasets.csv_list import csv_list, is_csv_list
from PDACScreeningLib.errors import DataError


def listed(folder, text, name="cases.csv", encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def test_two_columns_are_enough(tmp_path):
    path = listed(tmp_path, "image,labels\nscans/a.nii.gz,truth/a.nrrd\n\ndicom/b,truth/b.mha\n")
    first, second = csv_list(path).cases
    assert (first.case_id, first.patient_id) == ("a", "a")
    assert (first.image, first.labels) == (tmp_path / "scans/a.nii.gz", tmp_path / "truth/a.nrrd")
    assert (second.case_id, second.image) == ("b", tmp_path / "dicom/b")


def test_a_table_program_may_have_saved_it(tmp_path):
    text = "patient_id;case_id; image ;labels\r\nP1;scan-1;a.nii;a-labels.nii\r\nP1;scan-2;b.nii;b-labels.nii\r\n"
    cases = csv_list(listed(tmp_path, text, encoding="utf-8-sig")).cases
    assert [(case.case_id, case.patient_id) for case in cases] == [("scan-1", "P1"), ("scan-2", "P1")]


@pytest.mark.parametrize(
    "text",
    [
        "image\tlabels\tcase_id\na, b.nii\tt;.nrrd\tone\n",
        "Image;LABELS;Case ID;;\na, b.nii;t|.nrrd;one;;\n;;;;\n",
        "sep=|\r\nimage|labels|case_id\r\na, b.nii|t;.nrrd|one\r\n",
        '"sep=;"\nImage;Labels;case_id\n"a, b.nii";t.nrrd;one\n',
        "SEP=\t\nimage\tlabels\tcase_id\na, b.nii\tt.nrrd\tone\n",
        '\n\nimage,labels,case_id,\n"a, b.nii",t.nrrd,one,\n,,,\n',
    ],
)
def test_every_dialect_of_table_programs_is_read(tmp_path, text):
    for encoding in ("utf-8", "utf-8-sig"):
        (case,) = csv_list(listed(tmp_path, text, encoding=encoding)).cases
        assert (case.case_id, case.image) == ("one", tmp_path / "a, b.nii")


def test_a_path_of_windows_is_found(tmp_path):
    (case,) = csv_list(listed(tmp_path, "image,labels\n.\\scans\\a.nii.gz,b.nii\n")).cases
    assert case.image == tmp_path / "scans" / "a.nii.gz"
    (tmp_path / "c\\d.nii").touch()
    (case,) = csv_list(listed(tmp_path, "image,labels,case_id\nc\\d.nii,b.nii,x\n")).cases
    assert case.image == tmp_path / "c\\d.nii"


def test_an_absolute_path_stays_one(tmp_path):
    path = listed(tmp_path, f"image,labels\n{tmp_path}/elsewhere/a.nii,b.nii\n")
    assert csv_list(path).cases[0].image == tmp_path / "elsewhere/a.nii"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "columns none"),
        ("image,label\na,b\n", "has the columns image, label; it needs image and labels"),
        ("image,labels,fold\na,b,1\n", "may have case_id and patient_id"),
        ("image,labels\n", "lists no case"),
        ("Image,image,labels\na,b,c\n", "names a column twice"),
        ("image,labels\na,b,c\n", "line 2: there are more values than columns"),
        ("image,labels,,age\na,b,,1\n", "may have case_id and patient_id"),
        ("sep=;\n\na.nii;b.nii,line\n", "has the columns a.nii"),
        ("sep=;\nimage;labels\na.nii;\n", "line 3: the column labels is empty"),
        ("image,labels\na.nii,b.nii\nc.nii,\n", "line 3: the column labels is empty"),
        ("image,labels,case_id\na.nii,b.nii,../x\n", "line 2: '../x' cannot name"),
        ("image,labels\n" + 200_000 * "a" + ",b.nii\n", "is no table of comma-separated values"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        csv_list(listed(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be opened"):
        csv_list(tmp_path / "none.csv")
    (tmp_path / "table.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        csv_list(tmp_path / "table.csv")


def test_a_csv_file_or_a_folder_with_cases_csv_is_recognized(tmp_path):
    path = listed(tmp_path, "image,labels\na,b\n")
    assert is_csv_list(path)
    assert is_csv_list(tmp_path)
    assert not is_csv_list(tmp_path.parent)
    assert csv_list(tmp_path) == csv_list(path)
