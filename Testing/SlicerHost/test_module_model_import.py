"""A trained nnU-Net that was downloaded becomes a model in the panel, screens a scan, and shows how its folds agree."""

import pytest
import SimpleITK as sitk
import slicer
from nnunet_thresholds import known_scan, write_threshold_folder
from panel_driving import choose, press_screen, shown_text
from panorama_facts import write_panorama
from run_driving import until

from PDACScreeningLib.network.model_description import read_description


@pytest.fixture
def own_place(tmp_path, monkeypatch):
    monkeypatch.setenv("PDAC_SCREENING_MODELS", str(tmp_path / "models"))
    return tmp_path


def imported(dialog):
    """Press Import and wait for the end."""
    dialog.start()
    until(lambda: not dialog.running)


def test_a_downloaded_folder_is_imported_screened_with_and_its_folds_are_counted(module_widget, own_place, scene):
    folder = write_threshold_folder(own_place / "nnUNetTrainer__nnUNetPlans__3d_fullres", folds=(150.0, 900.0))
    assert module_widget.screening.import_folder(folder)
    dialog = module_widget.screening.model_import
    assert (dialog.fields["tumor"].text, dialog.fields["pancreas"].text) == ("tumor", "pancreas")
    imported(dialog)
    assert "--license-text says nothing" in dialog.problem.text
    dialog.fields["license"].text, dialog.fields["source"].text = "CC0", "this test"
    imported(dialog)
    assert dialog.problem.text == ""
    assert module_widget.ui.modelSelector.currentText == "nnUNetTrainer"
    assert "Imported nnU-Net" in module_widget.ui.modelCardLabel.text

    ct = known_scan((6, 6, 6))
    image = sitk.GetImageFromArray(ct.hu)
    image.SetSpacing(ct.geometry.spacing_mm)
    sitk.WriteImage(image, str(own_place / "scan.nii.gz"))
    choose(
        module_widget, slicer.util.loadVolume(str(own_place / "scan.nii.gz")), own_place / "models" / "nnUNetTrainer"
    )
    press_screen(module_widget)
    assert module_widget.ui.problemLabel.text == ""
    result = module_widget.logic.shown_result(module_widget._parameterNode.result).screening
    assert [scale.title for scale in result.scales] == ["fold 0", "fold 1"]
    assert "1 of 2 folds alone call a tumor; not fold 1." in shown_text(module_widget)
    details = module_widget.ui.detailsLabel.text
    assert "fold 1: " in details
    assert "Vessels and ducts: not looked at." in details
    assert "as in the last run here" in module_widget.ui.expectationLabel.text  # the time that the next one may take


def test_both_steps_of_a_published_recipe_need_a_license_and_a_source_only(module_widget, own_place):
    folder = write_panorama(own_place / "results", features=(4,) * 6, coarse_features=4)
    assert module_widget.ui.modelFolderButton.text == "Get a model..."
    assert module_widget.screening.import_folder(folder)
    dialog = module_widget.screening.model_import
    assert set(dialog.fields) == {"name", "license", "source"}
    assert "Both steps of panorama-baseline" in dialog.problem.text
    dialog.fields["license"].text, dialog.fields["source"].text = "CC0", "this test"
    imported(dialog)
    assert dialog.problem.text == ""
    model = read_description(own_place / "models" / "panorama-baseline").nnunet
    assert (model.recipe, model.coarse.margin_mm_xyz) == ("panorama-baseline", (100.0, 50.0, 15.0))


def test_a_folder_of_neither_kind_is_not_taken(module_widget, tmp_path):
    assert not module_widget.screening.import_folder(tmp_path)
