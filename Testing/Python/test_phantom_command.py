import json
import re

import pytest
import SimpleITK as sitk

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.phantom import cohort as cohort_module

TINY = ("--shape", "64", "60", "48", "--spacing", "5.8", "6.0", "5.5")


def test_a_phantom_is_written_on_the_grid_asked_for(tmp_path, capsys):
    output = tmp_path / "phantom"
    assert main(["phantom", "--seed", "3", "--tumor-diameter-mm", "40", *TINY, "--output", str(output)]) == 0
    assert sorted(path.name for path in output.iterdir()) == ["ct.nii.gz", "labels.nii.gz", "phantom.json"]
    image = sitk.ReadImage(str(output / "ct.nii.gz"))
    assert image.GetSize() == (64, 60, 48)
    assert image.GetSpacing() == pytest.approx((5.8, 6.0, 5.5))
    assert "a tumor of" in capsys.readouterr().out


def test_a_normal_phantom_has_no_tumor(tmp_path, capsys):
    arguments = ["phantom", "--seed", "3", "--normal", *TINY, "--phase", "0.5", "--noise", "9"]
    assert main([*arguments, "--output", str(tmp_path), "--progress", "json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["tumor_voxels"] == 0
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "labels.nii.gz"))).max() == 1
    acquisition = json.loads((tmp_path / "phantom.json").read_text())["specification"]["acquisition"]
    assert (acquisition["phase"], acquisition["noise_hu"]) == (0.5, 9.0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["phantom", "--seed", "1", "--tumor-diameter-mm", "500"],
        ["phantom", "--seed", "1", "--tumor-diameter-mm", "-3"],
        ["phantom", "--seed", "1", "--normal", "--phase", "9"],
        ["phantom", "--seed", "1", "--normal", "--spacing", "2", "2", "nan"],
        ["phantom-cohort", "--seed", "1", "--cases", "2", "--pdac-fraction", "7"],
    ],
)
def test_values_that_make_no_phantom_are_usage_errors(tmp_path, capsys, arguments):
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert re.match("pdac-screening: (tumor|phase|spacing|the PDAC)", capsys.readouterr().err)


@pytest.mark.parametrize(("wish", "missing"), [(["--normal"], "pancreas"), (["--tumor-diameter-mm", "20"], "tumor")])
def test_a_grid_that_misses_what_was_asked_for_makes_no_phantom(tmp_path, capsys, wish, missing):
    small = ("--shape", "8", "8", "8", "--spacing", "1", "1", "1")
    assert main(["phantom", "--seed", "1", *wish, *small, "--output", str(tmp_path / "out")]) == 5
    assert f"8 x 8 x 8 mm holds no voxel of the {missing}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("precious")
    assert main(["phantom", "--seed", "1", "--normal", "--output", str(tmp_path / "out")]) == 2
    assert (tmp_path / "out").read_text() == "precious"


def test_the_cohort_command_hands_its_arguments_to_the_generator(tmp_path, monkeypatch, capsys):
    handed = []

    def generate_cohort(cohort, folder, jobs, _on_progress):
        handed.append((cohort, folder, jobs))
        return folder / "cohort.json"

    monkeypatch.setattr("PDACScreeningLib.commands.phantom_cohort.generate_cohort", generate_cohort)
    arguments = ["--cases", "4", "--pdac-fraction", "0.25", "--seed", "9", "--variant", "shifted", "--jobs", "2", *TINY]
    assert main(["phantom-cohort", *arguments, "--output", str(tmp_path)]) == 0
    expected = cohort_module.CohortSpec(4, 0.25, 9, "shifted", (48, 60, 64), (5.8, 6.0, 5.5))
    assert handed == [(expected, tmp_path, 2)]
    assert "4 phantoms" in capsys.readouterr().out
