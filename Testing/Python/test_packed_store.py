"""The compressed store: the same voxels and the same batches as plain arrays, in a fraction of the bytes."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import gland_in_fat
from small_store import SPACING_MM, small_case, small_store
from test_preparation import two_good_cases

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import HUWindow, PatchSampling
from PDACScreeningLib.errors import DataError
from PDACScreeningLib.phantom.generator import generate
from PDACScreeningLib.phantom.specification_draw import random_specification
from PDACScreeningLib.training.case_store import CaseStore, is_intact, write_case
from PDACScreeningLib.training.packed_voxels import CHUNK, clipped, packed_files
from PDACScreeningLib.training.patch_sampling import PatchSampler
from PDACScreeningLib.training.preparation import prepare
from PDACScreeningLib.training.store_index import StoreIndex, read_index, write_store_index
from PDACScreeningLib.volume.ct_volume import AIR_HU, CTVolume
from PDACScreeningLib.volume.geometry import Geometry

ROOT = Path(__file__).resolve().parents[2]
OPEN_FILES = Path("/proc/self/fd")
MOST_OF_RAW = 0.35  # of the bytes of int16 and uint8
# Of the first batches of a store of plain arrays, as the version before compressed stores drew them.
BATCHES_OF_PLAIN_ARRAYS = "3876731c5f43cd7a6b8e9490bfff405e0d9e31e76799a646d37ef97290cc0bb4"


def written(folder, cases, *, is_packed=True):
    """A store of (hu, labels) by name, and what it holds."""
    stored = [
        write_case(folder, name, CTVolume(hu, Geometry(hu.shape, (SPACING_MM,) * 3)), labels, is_packed=is_packed)
        for name, (hu, labels) in cases.items()
    ]
    write_store_index(folder, StoreIndex(SPACING_MM, "test", tuple(stored), is_packed=is_packed))
    return CaseStore(folder)


def small_cases():
    return {f"case-{number}": small_case(number, tumor=number % 2 == 0) for number in range(4)}


def batches(store, size, roi_share=0.5, count=7):
    sampler = PatchSampler(store.cases, size, PatchSampling(), roi_share)
    return [sampler.sample(np.random.default_rng(seed), count, augment=True) for seed in range(6)]


def test_voxels_inside_the_body_come_back_and_outside_is_air(tmp_path):
    hu, labels = gland_in_fat(3, tumor=True)
    case = written(tmp_path, {"a": (hu, labels)}).cases[0]
    box = case.facts.body
    inside = np.zeros(hu.shape, bool)
    inside[box.slices] = True
    assert np.array_equal(np.asarray(case.hu)[box.slices], hu[box.slices])
    assert (np.asarray(case.hu)[~inside] == AIR_HU).all()
    assert (hu[~inside] <= -500).all()
    assert 0 < inside.mean() < 0.9
    assert np.array_equal(case.all_labels, labels)
    assert np.array_equal(case.ct.hu, np.asarray(case.hu))


@pytest.mark.parametrize("seed", range(20))
def test_every_part_is_that_of_the_array(tmp_path, seed):
    rng = np.random.default_rng(seed)
    hu, labels = gland_in_fat(1)
    hu = np.pad(hu, CHUNK // 2, constant_values=AIR_HU)
    labels = np.pad(labels, CHUNK // 2)
    case = written(tmp_path, {"a": (hu, labels)}).cases[0]
    whole = np.asarray(case.hu)
    for _ in range(10):
        ends = [sorted(rng.integers(0, length + 20, 2).tolist()) for length in hu.shape]
        part = tuple(slice(*pair) for pair in ends)
        assert np.array_equal(case.hu[part], whole[part])
        assert np.array_equal(case.labels[part], labels[part])
    with pytest.raises(ValueError, match="without steps"):
        case.hu[::2, :, :]


def test_a_label_outside_of_the_body_is_kept(tmp_path):
    hu, labels = gland_in_fat(1)
    labels[0, 0, 0] = 1
    assert np.array_equal(written(tmp_path, {"a": (hu, labels)}).cases[0].all_labels, labels)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_batches_are_those_of_plain_arrays_bit_for_bit(tmp_path, size):
    plain, packed = (written(tmp_path / str(flag), small_cases(), is_packed=flag) for flag in (False, True))
    for one, other in zip(batches(plain, size), batches(packed, size), strict=True):
        assert np.array_equal(one.hu, other.hu)
        assert np.array_equal(one.labels, other.labels)
    assert plain.sha256 == packed.sha256


def test_a_store_of_plain_arrays_gives_the_batches_it_always_gave(tmp_path):
    digest, store = hashlib.sha256(), small_store(tmp_path)
    for size, share in ((16, 1.0), (32, 0.5), (64, 0.5)):
        for batch in batches(store, size, share):
            digest.update(batch.hu.tobytes() + batch.labels.tobytes())
    assert digest.hexdigest() == BATCHES_OF_PLAIN_ARRAYS


def test_no_file_stays_open(tmp_path):
    store = written(tmp_path, small_cases())
    batches(store, 16)
    if not OPEN_FILES.exists():
        pytest.skip("only Linux tells its open files")
    before = len(list(OPEN_FILES.iterdir()))
    batches(store, 64)
    assert len(list(OPEN_FILES.iterdir())) == before


def test_a_phantom_takes_little_of_its_raw_bytes(tmp_path):
    specification = random_specification(5, tumor_diameter_mm=30.0, shape=(96, 200, 200), spacing_mm=(1.6, 1.6, 2.0))
    phantom = generate(specification)
    hu, labels = phantom.ct.hu, phantom.labels.labels
    written(tmp_path, {"a": (hu, labels)})
    size = sum((tmp_path / name).stat().st_size for name in packed_files("a"))
    assert size < MOST_OF_RAW * (hu.nbytes + labels.nbytes)


MANY = """
import sys, time, tracemalloc
from pathlib import Path
from PDACScreeningLib.training.case_store import CaseStore
began = time.process_time()
count = len(CaseStore(Path(sys.argv[1])).cases)
seconds = time.process_time() - began
tracemalloc.start()
store = CaseStore(Path(sys.argv[1]))
print(count, seconds, tracemalloc.get_traced_memory()[1] / 1e6)
"""


def test_a_store_of_ten_thousand_cases_opens_in_seconds_and_little_memory(tmp_path):
    (one,) = written(tmp_path, {"a": gland_in_fat(1, tumor=True)}).index.cases
    names = [f"pants-PanTS_{number:08}" for number in range(10_000)]
    for name in names:
        for file in packed_files(name):
            (tmp_path / file).touch()
    cases = tuple(replace(one, case_id=name, patient_id=name, scan_sha256="0" * 64) for name in names)
    write_store_index(tmp_path, StoreIndex(SPACING_MM, "many", cases, is_packed=True))
    found = subprocess.run(
        [sys.executable, "-c", MANY, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    count, seconds, megabytes = map(float, found.stdout.split())
    assert count == 10_000
    assert seconds < 2
    assert megabytes < 200


@pytest.mark.parametrize("file", range(3))
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "foreign", "a bit"])
def test_a_damaged_file_is_told_in_words(tmp_path, file, damage):
    cases = small_cases()
    written(tmp_path, cases)
    facts = read_index(tmp_path).cases[0]
    path = tmp_path / packed_files("case-0")[file]
    if damage == "missing":
        path.unlink()
    elif damage == "foreign":
        path.write_bytes((tmp_path / packed_files("case-1")[(file + 1) % 3]).read_bytes())
    elif damage == "a bit":  # Blosc2 itself keeps no checksum
        content = bytearray(path.read_bytes())
        content[-len(content) // 3] ^= 4
        path.write_bytes(content)
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2 if damage == "half" else 0])
    assert not is_intact(tmp_path, facts)
    with pytest.raises(DataError, match="case-0"):
        batches(CaseStore(tmp_path), 16, roi_share=1.0, count=40)


def test_whole_voxels_of_another_case_are_not_intact(tmp_path):
    written(tmp_path, small_cases())
    first, second = read_index(tmp_path).cases[:2]
    assert is_intact(tmp_path, first)
    (tmp_path / packed_files("case-0")[0]).write_bytes((tmp_path / packed_files("case-1")[0]).read_bytes())
    assert (is_intact(tmp_path, first), is_intact(tmp_path, second)) == (False, True)


def test_without_the_package_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    store = written(tmp_path, small_cases())
    monkeypatch.setitem(sys.modules, "blosc2", None)
    with pytest.raises(DataError, match=r"pip install 'pdac-screening\[training\]'"):
        batches(store, 16)


def test_nothing_but_a_compressed_store_needs_the_package():
    code = (
        "import sys, PDACScreeningLib, PDACScreeningLib.training.preparation, PDACScreeningLib.session.screener; "
        "sys.exit('blosc2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# ---- prepare -----------------------------------------------------------------------------------------------------


def content(store):
    return {
        path.name: path.read_bytes()
        for path in store.iterdir()
        if path.is_file() and not path.name.endswith(".native.npz") and path.name != "store.json"
    }


def test_a_compressed_store_is_prepared_the_same_by_one_process_and_by_two_and_goes_on(tmp_path):
    dataset = two_good_cases(tmp_path / "data")
    one = prepare([dataset], tmp_path / "one", 3.0, is_packed=True)
    two = prepare([dataset], tmp_path / "two", 3.0, is_packed=True, jobs=2)
    assert one == two == read_index(tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")
    kept = {name: (tmp_path / "one" / name).stat().st_mtime_ns for name in packed_files("a")}
    (tmp_path / "one" / packed_files("b")[0]).unlink()
    assert prepare([dataset], tmp_path / "one", 3.0, is_packed=True) == one
    assert {name: (tmp_path / "one" / name).stat().st_mtime_ns for name in kept} == kept
    assert len(CaseStore(tmp_path / "one").cases) == 2


@pytest.mark.parametrize("before", [{}, {"is_packed": True, "hu_clip": (-100, 60)}], ids=["arrays", "clipped"])
def test_what_an_interrupted_run_left_in_another_form_is_prepared_anew(tmp_path, before):
    dataset = two_good_cases(tmp_path / "data")
    prepare([dataset], tmp_path / "store", 3.0, **before)
    (tmp_path / "store" / "store.json").unlink()  # as if it had been interrupted
    again = prepare([dataset], tmp_path / "store", 3.0, is_packed=True)
    assert again == prepare([dataset], tmp_path / "fresh", 3.0, is_packed=True)
    assert content(tmp_path / "store") == content(tmp_path / "fresh")


def test_a_finished_store_is_not_replaced_by_one_of_another_form(tmp_path):
    dataset = two_good_cases(tmp_path / "data")
    prepare([dataset], tmp_path / "store", 3.0)
    before = content(tmp_path / "store")
    for options in ({"is_packed": True}, {"hu_clip": (-100, 240)}):
        with pytest.raises(DataError, match="whose cases are uncompressed"):
            prepare([dataset], tmp_path / "store", 3.0, **options)
    assert content(tmp_path / "store") == before
    assert len(CaseStore(tmp_path / "store").cases) == 2


def test_the_command_compresses_unless_it_is_told_otherwise(tmp_path):
    two_good_cases(tmp_path / "data")
    typed = ["prepare", str(tmp_path / "data"), "--working-spacing-mm", "3", "--output"]
    assert main([*typed, str(tmp_path / "packed")]) == 0
    assert main([*typed, str(tmp_path / "plain"), "--uncompressed"]) == 0
    packed, plain = CaseStore(tmp_path / "packed"), CaseStore(tmp_path / "plain")
    assert (packed.index.is_packed, plain.index.is_packed) == (True, False)
    assert (tmp_path / "plain" / "a.hu.npy").exists()
    for one, other in zip(packed.cases, plain.cases, strict=True):
        assert np.array_equal(one.all_labels, other.all_labels)
        low, high = HUWindow().lower_hu, HUWindow().upper_hu
        assert np.array_equal(np.clip(one.ct.hu, low, high), np.clip(other.ct.hu, low, high))


def test_hounsfield_units_are_clipped_only_when_told_and_air_stays_air(tmp_path):
    hu = np.array([-1000, -501, -500, -300, 0, 100, 900], np.int16)
    assert clipped(hu, (-100, 240)).tolist() == [AIR_HU, AIR_HU, AIR_HU, -100, 0, 100, 240]
    dataset = two_good_cases(tmp_path / "data")
    prepare([dataset], tmp_path / "kept", 3.0, is_packed=True)
    prepare([dataset], tmp_path / "clipped", 3.0, is_packed=True, hu_clip=(-100, 60))
    kept, cut = (CaseStore(tmp_path / name).cases[0].ct.hu for name in ("kept", "clipped"))
    assert kept.max() > 60
    assert cut.max() == 60
    assert np.array_equal(cut > -500, kept > -500)


def test_a_store_that_was_clipped_to_less_than_the_networks_see_is_refused(tmp_path):
    index = StoreIndex(1.0, "test", (), is_packed=True, hu_clip=(-100, 200))
    with pytest.raises(DataError, match="clipped to -100 to 200 HU, the networks look at -100 to 240 HU"):
        index.require_window(HUWindow())
    replace(index, hu_clip=(-100, 240)).require_window(HUWindow())
    replace(index, hu_clip=None).require_window(HUWindow())


def test_training_and_evaluation_refuse_it(tmp_path, capsys):
    two_good_cases(tmp_path / "data")
    typed = ["prepare", str(tmp_path / "data"), "--working-spacing-mm", "2.5", "--clip-hu=-100,60", "--output"]
    assert main([*typed, str(tmp_path / "store")]) == 0
    short = ["--patch-size", "16", "--iterations", "1", "--base-width", "2", "--device", "cpu"]
    assert main(["train", str(tmp_path / "store"), *short, "--output", str(tmp_path / "run")]) != 0
    assert "clipped to -100 to 60 HU" in capsys.readouterr().err
    assert main(["evaluate", str(tmp_path / "store"), "--model", "demo-phantom", "--output", str(tmp_path / "e")]) != 0
    assert "clipped to -100 to 60 HU" in capsys.readouterr().err
