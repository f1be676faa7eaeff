"""What memory a scan will need is told before the work, and is true."""

import json
import os
import re
import subprocess
import sys

import pytest
from screening_inputs import write_model, write_scan

from PDACScreeningLib.__main__ import main
from PDACScreeningLib.config import NetworkSpec, ScreeningConfig
from PDACScreeningLib.session.memory_announcement import SOFTWARE_GIB, announced_gib, announcement
from PDACScreeningLib.volume.geometry import Geometry
from PDACScreeningLib.volume.label_map import Label

PEAK = """
import sys
from pathlib import Path
from PDACScreeningLib.__main__ import main
code = main(sys.argv[1:])
status = Path("/proc/self/status").read_text()
print("peak", status.split("VmHWM:")[1].split()[0])
sys.exit(code)
"""


def test_both_grids_and_the_width_of_the_networks_count():
    scan = Geometry((500, 512, 512), (1.0, 1.0, 1.0))
    small, wide = (ScreeningConfig(network=NetworkSpec(base_width=width)) for width in (16, 64))
    voxels_gib = 500 * 512 * 512 / 2**30
    assert small.working_spacing_mm == 1.0
    assert announced_gib(scan, small) == pytest.approx(SOFTWARE_GIB + 7 * 16 * 64**3 * 4 / 2**30 + 14 * voxels_gib)
    assert announced_gib(scan, wide) - announced_gib(scan, small) == pytest.approx(7 * 48 * 64**3 * 4 / 2**30)
    coarse = ScreeningConfig(network=NetworkSpec(base_width=16), working_spacing_mm=2.0)
    assert announced_gib(scan, small) - announced_gib(scan, coarse) == pytest.approx(7 * voxels_gib * 7 / 8)
    assert announcement(scan, coarse).startswith(
        "The scan has 512 x 512 x 500 voxels; screening it takes up to about 1.8 GB of"
    )


@pytest.mark.parametrize("kind", ["file", "series"])
def test_it_is_told_before_the_voxels_are_read(tmp_path, capsys, kind):
    from dicom_slices import body_slices, write_series

    scan = write_scan(tmp_path / "ct.nii.gz") if kind == "file" else write_series(tmp_path / "series", body_slices())
    model = write_model(tmp_path / "model", Label.TUMOR, working_spacing_mm=4.0)
    main(["screen", str(scan), "--model", str(model), "--output", str(tmp_path / "out"), "--progress", "json"])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [i for i, event in enumerate(events) if "GB of memory" in event.get("message", "")]
    assert len(told) == 1
    before = {event.get("stage") for event in events[: told[0]]} - {None}
    assert before <= {"reading DICOM headers"}
    assert re.search(
        r"The scan has \d+ x \d+ x \d+ voxels; screening it takes up to about 0\.[78] GB", events[told[0]]["message"]
    )


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is asked of Linux")  # noqa: PTH110
@pytest.mark.parametrize(("slices", "working_mm"), [(40, 4.0), (500, 4.0)])
def test_the_measured_peak_is_half_to_all_of_what_was_told(tmp_path, slices, working_mm):
    """These networks find nothing, so that no labels and no probability are held: it is told what a scan may take."""
    scan = write_scan(tmp_path / "ct.nii", shape=(slices, 512, 512), spacing_mm=0.8)
    model = write_model(tmp_path / "model", Label.BACKGROUND, working_spacing_mm=working_mm)
    command = ["screen", str(scan), "--model", str(model), "--output", str(tmp_path / "out"), "--protocol", "fast"]
    ended = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=False)
    told_gb = float(re.search(r"up to about ([\d.]+) GB of memory", ended.stderr)[1])
    peak_gb = int(re.search(r"peak (\d+)", ended.stdout)[1]) * 1024 / 1e9
    assert 0.5 * told_gb <= peak_gb <= 1.05 * told_gb, (told_gb, peak_gb)
