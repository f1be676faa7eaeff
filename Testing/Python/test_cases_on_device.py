"""Patches cut where the cases lie on a device are those that the processor cuts, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_store import SPACING_MM, small_case, small_store

from PDACScreeningLib.config import IntensityAugmentation, PatchSampling
from PDACScreeningLib.errors import DataError, MemoryShort, UsageError
from PDACScreeningLib.network.runtime import Runtime
from PDACScreeningLib.progress import Progress, ignore_progress
from PDACScreeningLib.seeding import stream
from PDACScreeningLib.training import patch_source
from PDACScreeningLib.training.case_store import CaseStore, write_case
from PDACScreeningLib.training.cases_on_device import CasesOnDevice, voxels_of
from PDACScreeningLib.training.patch_sampling import PatchSampler
from PDACScreeningLib.training.patch_source import cases_on_device
from PDACScreeningLib.training.recipes import short_recipe
from PDACScreeningLib.training.run_record import TrainingRun
from PDACScreeningLib.training.step import micro_batches
from PDACScreeningLib.training.store_index import StoreIndex, write_store_index
from PDACScreeningLib.training.trainer import train
from PDACScreeningLib.volume.ct_volume import CTVolume
from PDACScreeningLib.volume.geometry import Geometry


@pytest.fixture(params=["plain", "compressed"])
def store(request, tmp_path):
    """Three cases of different shape; the middle one is shorter than a patch of 32 along z and y."""
    shapes = ((40, 44, 48), (20, 31, 50), (64, 35, 33))
    stored = [
        write_case(
            tmp_path,
            f"case-{number}",
            CTVolume(hu, Geometry(hu.shape, (SPACING_MM,) * 3)),
            labels,
            is_packed=request.param == "compressed",
        )
        for number, shape in enumerate(shapes)
        for hu, labels in [small_case(number, tumor=True, shape=shape)]
    ]
    index = StoreIndex(SPACING_MM, "tiny test cases", tuple(stored), is_packed=request.param == "compressed")
    write_store_index(tmp_path, index)
    return CaseStore(tmp_path)


def the_run(folder, patch_size=16, **options):
    config = short_recipe(SPACING_MM, base_width=1, iterations=3)
    (scale,) = (scale for scale in config.screening.scales if scale.patch_size == patch_size)
    return TrainingRun(folder, replace(scale, batch_size=6), config, Runtime("cpu", "fp32"), **options)


@pytest.mark.parametrize("symmetries", ["cube", "axial"])
@pytest.mark.parametrize("size", [16, 32])
def test_every_patch_is_the_one_the_processor_cuts(store, size, symmetries):
    sampler = PatchSampler(store.cases, size, PatchSampling(), roi_share=0.5, symmetries=symmetries)
    placed = CasesOnDevice(store.cases, size, "cpu", ignore_progress)
    for iteration in range(4):
        drawn = sampler.draw(stream(3, "test", iteration), 24, augment=True, part=slice(0, None, 2))
        hu, labels = placed.uncut(drawn).cut()
        batch = sampler.sample(stream(3, "test", iteration), 24, augment=True, part=slice(0, None, 2))
        assert len(drawn) == 12
        np.testing.assert_array_equal(hu.numpy(), batch.hu)
        np.testing.assert_array_equal(labels.numpy(), batch.labels)


def test_pieces_of_a_batch_are_its_patches(store):
    placed = CasesOnDevice(store.cases, 16, "cpu", ignore_progress)
    sampler = PatchSampler(store.cases, 16, PatchSampling(), roi_share=1.0)
    whole = placed.uncut(sampler.draw(stream(3, "test"), 7, augment=True))
    pieces = micro_batches(whole, 3)
    assert [len(piece) for piece in pieces] == [2, 2, 3]
    torch.testing.assert_close(torch.cat([piece.cut()[0] for piece in pieces]), whole.cut()[0], rtol=0, atol=0)


def test_a_training_ends_with_the_same_bits_and_each_batch_was_cut_where_it_was_told(tmp_path, monkeypatch):
    cuts, gathered = [], CasesOnDevice.gathered
    monkeypatch.setattr(CasesOnDevice, "gathered", lambda *given: cuts.append(1) or gathered(*given))
    store, ends = small_store(tmp_path / "store"), []
    for where, expected in (("processor", 0), ("device", 3 * 2)):  # iterations times micro-batches
        ends.append(train(the_run(tmp_path / where, patches_on=where, accumulate=2), store).network_state)
        assert len(cuts) == expected
    for name, weight in ends[0].items():
        assert torch.equal(weight, ends[1][name]), name


def test_the_cases_are_told_as_they_arrive(tmp_path):
    told = []
    cases_on_device(the_run(tmp_path / "run", patches_on="device"), small_store(tmp_path / "s").cases, told.append)
    assert told[-1] == Progress("cases to cpu", 4, 4)


@pytest.mark.parametrize(("free_share", "fits"), [(1.01, True), (0.99, False)])
def test_a_gpu_gets_the_cases_that_fit_a_third_of_its_free_memory(tmp_path, monkeypatch, free_share, fits):
    cases = small_store(tmp_path / "store").cases
    needed = 3 * voxels_of(cases, 16)
    assert needed == 3 * 4 * 40 * 44 * 48
    monkeypatch.setattr(patch_source, "_free_bytes", lambda _device: free_share * 3 * needed)
    assert (cases_on_device(the_run(tmp_path / "run"), cases, ignore_progress) is not None) is fits


def test_without_a_gpu_patches_are_cut_as_ever(tmp_path):
    cases = small_store(tmp_path / "store").cases
    assert cases_on_device(the_run(tmp_path / "run"), cases, ignore_progress) is None


def test_changed_brightness_keeps_patches_on_the_processor(tmp_path, monkeypatch):
    cases = small_store(tmp_path / "store").cases
    monkeypatch.setattr(patch_source, "_free_bytes", lambda _device: 10**12)
    run = the_run(tmp_path / "run")
    run = replace(run, config=replace(run.config, intensity_augmentation=IntensityAugmentation(shift_hu=5)))
    assert cases_on_device(run, cases, ignore_progress) is None
    with pytest.raises(UsageError, match="--patches-on device: patches whose brightness is changed"):
        cases_on_device(replace(run, patches_on="device"), cases, ignore_progress)


def test_a_store_of_another_grid_is_refused_before_a_run_folder_is_made(tmp_path):
    run = the_run(tmp_path / "run", patches_on="device")
    finer = replace(run.config.screening, working_spacing_mm=SPACING_MM / 2)
    with pytest.raises(DataError, match="prepare it again"):
        train(replace(run, config=replace(run.config, screening=finer)), small_store(tmp_path / "store"))
    assert not run.folder.exists()


def test_a_store_that_does_not_fit_says_what_to_do(tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise torch.OutOfMemoryError("CUDA out of memory")

    cases = small_store(tmp_path / "store").cases
    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(MemoryShort, match="use --patches-on processor"):
        cases_on_device(the_run(tmp_path / "run", patches_on="device"), cases, ignore_progress)
