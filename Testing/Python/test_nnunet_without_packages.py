"""Imported nnU-Nets need nothing that this project does not have: no nnU-Net, no safetensors (ADR 0034)."""

import subprocess
import sys
import tomllib
from pathlib import Path

import SimpleITK as sitk
from nnunet_thresholds import known_scan, write_threshold_folder

import PDACScreeningLib as pdac

FOREIGN = ("nnunetv2", "dynamic_network_architectures", "batchgenerators", "acvl_utils", "safetensors", "blosc2")
WITHOUT = f"""
import sys
sys.modules.update(dict.fromkeys({FOREIGN!r}))  # importing what stands for None fails, as in 3D Slicer
from PDACScreeningLib.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def run(*typed):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *map(str, typed)], check=False, capture_output=True, text=True
    )


def test_a_folder_is_imported_and_screens_a_scan_where_no_package_of_others_is(tmp_path):
    ct = known_scan((6, 6, 6))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(tmp_path / "scan.nii.gz"))
    folder, model = write_threshold_folder(tmp_path / "trained"), tmp_path / "model"
    wish = ("--labels", "tumor=tumor", "pancreas=pancreas", "--license-text", "CC0", "--source", "this test")
    done = run("import-model", folder, "--name", "theirs", *wish, "--output", model)
    assert done.returncode == 0, done.stderr
    done = run("screen", tmp_path / "scan.nii.gz", "--model", model, "--output", tmp_path / "out", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert pdac.read_result(tmp_path / "out").screening.tumor_voxels == 216


def test_the_extra_of_this_name_adds_nothing():
    with (Path(__file__).resolve().parents[2] / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["optional-dependencies"]["nnunet"] == []
    assert not [name for name in FOREIGN for asked in project["dependencies"] if name in asked]
