"""Vessels and ducts that an imported nnU-Net sees arrive in the answer, on the scan's own grid."""

import json

import nnunet_thresholds
import numpy as np
import pytest
import SimpleITK as sitk
from nnunet_folders import write_folder
from nnunet_thresholds import import_thresholds, known_scan

import PDACScreeningLib as pdac
from PDACScreeningLib.__main__ import main
from PDACScreeningLib.errors import UsageError
from PDACScreeningLib.network.model_description import read_description
from PDACScreeningLib.network.nnunet_labels import LabelWish, head_labels, label_wish
from PDACScreeningLib.network.nnunet_model import HeadLabels
from PDACScreeningLib.network.nnunet_recipes import RECIPES
from PDACScreeningLib.volume.anatomy import Structure

SEES_DUCT = LabelWish(("tumor",), ("pancreas",), (("duct", ("pancreas",)),))
PANORAMA = ("background", "tumor", "veins", "arteries", "pancreas", "pancreatic duct", "common bile duct")


@pytest.mark.parametrize("coarse", [False, True], ids=["one step", "two steps"])
def test_what_the_network_calls_duct_is_in_the_answer_and_measured(tmp_path, monkeypatch, coarse):
    monkeypatch.setattr(nnunet_thresholds, "WISH", SEES_DUCT)
    model, ct = import_thresholds(tmp_path, coarse=coarse), known_scan((6, 6, 6))
    answer = pdac.Screener(model, device="cpu", precision="fp32").screen(ct)
    gland = (ct.hu > 50) & (ct.hu <= 150)
    assert answer.anatomy.looked_at == (Structure.DUCT,)
    assert np.array_equal(answer.anatomy.structures == Structure.DUCT, gland)
    veins, _, duct, _ = answer.screening.anatomy
    assert (veins.looked_at, duct.looked_at) == (False, True)
    assert duct.volume_mm3 == np.count_nonzero(gland) * 8
    read = pdac.read_result(answer.save(tmp_path / "result"))
    assert np.array_equal(read.anatomy.structures, answer.anatomy.structures)


def test_the_order_in_which_a_file_stores_its_voxels_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(nnunet_thresholds, "WISH", SEES_DUCT)
    model = import_thresholds(tmp_path)
    ct = known_scan((6, 8, 10), shape=(40, 64, 56), spacing_mm=(1.5, 2.0, 3.0))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    turned = sitk.DICOMOrient(image, "PIR")
    sitk.WriteImage(turned, str(tmp_path / "turned.nii.gz"))
    screener = pdac.Screener(model, device="cpu", precision="fp32")
    straight, other = screener.screen(ct), screener.screen(tmp_path / "turned.nii.gz")
    found = sitk.GetImageFromArray(other.anatomy.structures)
    found.CopyInformation(turned)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.DICOMOrient(found, "LPS")), straight.anatomy.structures)
    assert other.screening.anatomy == straight.screening.anatomy


def test_a_network_without_such_labels_has_no_anatomy(tmp_path):
    answer = pdac.Screener(import_thresholds(tmp_path), device="cpu", precision="fp32").screen(known_scan())
    assert (answer.anatomy, answer.screening.anatomy) == (None, ())


def test_the_recipe_of_the_panorama_baseline_names_them():
    dataset = {"labels": {name: number for number, name in enumerate(PANORAMA)}}
    labels = head_labels(dataset, RECIPES["panorama-baseline"].labels)
    assert labels.anatomy == (("veins", (2,)), ("arteries", (3,)), ("duct", (5,)), ("bile_duct", (6,)))
    assert labels.pancreas_values == (4, 5)
    few = {"labels": {"background": 0, "tumor": 1, "pancreas": 2, "pancreatic duct": 3, "vessels": 4}}
    assert head_labels(few, RECIPES["panorama-baseline"].labels).anatomy == (("duct", (3,)),)


def test_the_command_takes_names_of_vessels_and_refuses_those_that_are_not_there(tmp_path, capsys):
    labels = {"background": 0, "tumor": 1, "pancreas": 2, "vein": 3}
    write_folder(tmp_path / "trained", labels=labels)
    typed = ["import-model", str(tmp_path / "trained"), "--name", "m", "--license-text", "CC0", "--source", "this test"]
    typed += ["--labels", "tumor=tumor", "pancreas=pancreas"]
    assert main([*typed, "veins=veins", "--output", str(tmp_path / "no")]) != 0
    assert "no label 'veins'" in capsys.readouterr().err
    assert main([*typed, "veins=vein", "--output", str(tmp_path / "model")]) == 0
    assert read_description(tmp_path / "model").nnunet.fine.labels.anatomy == (("veins", (3,)),)
    assert json.loads((tmp_path / "model" / "model.json").read_text())["nnunet"]["fine"]["labels"]["anatomy"]


def test_a_label_of_the_anatomy_makes_sense():
    assert label_wish(["tumor=a", "pancreas=b,c", "duct=c"]).anatomy == (("duct", ("c",)),)
    with pytest.raises(UsageError):
        label_wish(["tumor=a", "veins=v"])
    with pytest.raises(ValueError, match="cannot be two"):
        HeadLabels(False, (0, 1, 2), (1,), (2,), (1,), (("veins", (2,)), ("duct", (2,))))
    with pytest.raises(ValueError, match="anatomy must be of"):
        HeadLabels(False, (0, 1, 2), (1,), (2,), (1,), (("nerves", (2,)),))
