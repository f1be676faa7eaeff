"""DICOM in other wrappings than a folder: a ZIP archive, a DICOMDIR; and folders of very many files."""

import io
import time
import zipfile

import numpy as np
import pytest
from dicom_slices import SHAPE, body_slices, write_series
from multi_frame_ct import multi_frame_dataset, write_multi_frame
from stored_scans import body_hu

from PDACScreeningLib.errors import InputRejected
from PDACScreeningLib.scan_files.read_scan import read_scan


def zipped(path, folder, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for file in sorted(folder.rglob("*.dcm")):
            archive.write(file, f"DOE_JANE/{file.relative_to(folder)}")
    return path


def test_a_zip_of_slices_is_read_and_nothing_of_it_stays(tmp_path, monkeypatch):
    folder = write_series(tmp_path / "scan", body_slices())
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    read = read_scan(zipped(tmp_path / "scan.zip", folder))
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert not list(place.iterdir())


def test_a_series_of_a_zip_is_chosen(tmp_path):
    folder = write_series(tmp_path / "scan", body_slices())
    write_series(folder / "other", body_slices(series="1.2.3", SeriesNumber=4))
    path = zipped(tmp_path / "scan.zip", folder)
    with pytest.raises(InputRejected, match="choose one with --series"):
        read_scan(path)
    assert len(read_scan(path, series="4").volume.hu) == 20


def test_identifiers_name_the_archive_that_was_given_and_not_a_temporary_folder(tmp_path):
    path = zipped(tmp_path / "scan.zip", write_series(tmp_path / "scan", body_slices()))
    identifiers = read_scan(path, include_identifiers=True).identifiers
    assert identifiers["file_name"] == "scan.zip"
    assert "folder_name" not in identifiers
    assert identifiers["patient_id"] == "MRN12345"


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_zip_that_is_cut_off_is_refused(tmp_path, share):
    path = zipped(tmp_path / "scan.zip", write_series(tmp_path / "scan", body_slices()))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputRejected, match="ZIP archive"):
        read_scan(path)


def test_a_zip_that_is_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ct.dcm", bytes(200 << 20))
    with pytest.raises(InputRejected, match="promises far more than it can hold"):
        read_scan(tmp_path / "bomb.zip")


def test_names_in_a_zip_lead_nowhere(tmp_path):
    slices = write_series(tmp_path / "scan", body_slices())
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        for number, file in enumerate(sorted(slices.iterdir())):
            archive.writestr(f"../../up/{number}/CON:*?/../same name.dcm", file.read_bytes())
    read = read_scan(tmp_path / "scan.zip")
    assert np.array_equal(read.volume.hu, body_hu(SHAPE))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan", "scan.zip"]


def test_an_encrypted_or_foreign_zip_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(InputRejected, match="ZIP archive"):
        read_scan(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("notes.txt", "notes")
    with pytest.raises(InputRejected, match="holds no DICOM files"):
        read_scan(tmp_path / "b.zip")


def test_a_dicomdir_stands_for_its_folder(tmp_path):
    folder = write_series(tmp_path / "cd", body_slices())
    directory = body_slices(SOPClassUID="1.2.840.10008.1.3.10", Modality=None, PixelData=None)[0]
    directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    assert np.array_equal(read_scan(folder / "DICOMDIR").volume.hu, body_hu(SHAPE))


def test_one_file_of_another_kind_is_told(tmp_path):
    folder = write_series(tmp_path, body_slices(SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")[:1])
    with pytest.raises(InputRejected, match=r"holds no CT slices \(found: SEG\)"):
        read_scan(folder / "ct_000.dcm")


@pytest.mark.slow
@pytest.mark.parametrize("folders", [1, 1000])
def test_a_folder_of_100_000_files_answers_within_20_seconds(tmp_path, folders):
    for folder in range(folders):
        place = tmp_path / f"{folder}"
        place.mkdir()
        for number in range(100_000 // folders):
            (place / f"{number}.dcm").touch()
    began = time.monotonic()
    with pytest.raises(InputRejected, match="more than 20000 files"):
        read_scan(tmp_path)
    assert time.monotonic() - began < 20


def test_a_small_series_that_unpacks_to_very_much_is_refused_before_memory_is_asked_for(tmp_path, monkeypatch):
    dataset = multi_frame_dataset(np.full((40, 1024, 1024), -1000), [(0.0, 0.0, 3.0 * z) for z in range(40)])
    path = write_multi_frame(tmp_path / "bomb.dcm", dataset, compressed=True)
    assert path.stat().st_size < 1 << 21
    monkeypatch.setattr("PDACScreeningLib.scan_files.series_reader.hounsfield_of", None)
    monkeypatch.setattr("PDACScreeningLib.scan_files.byte_stream._MAX_CT_RATIO", 30)
    with pytest.raises(InputRejected, match="which no CT is compressed to"):
        read_scan(path)


def test_a_folder_of_very_many_files_is_refused_before_any_is_opened(tmp_path, monkeypatch):
    for number in range(300):
        (tmp_path / f"{number}").touch()
    monkeypatch.setattr("PDACScreeningLib.scan_files.series_selection.MAX_FILES", 200)
    monkeypatch.setattr("PDACScreeningLib.scan_files.series_selection.read_slices", None)
    with pytest.raises(InputRejected, match="more than 200 files"):
        read_scan(tmp_path)


def test_an_empty_archive_is_refused(tmp_path):
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    (tmp_path / "empty.zip").write_bytes(content.getvalue())
    with pytest.raises(InputRejected):
        read_scan(tmp_path / "empty.zip")
