"""The benchmark of a training counts and waits as a pencil says, and its page grows in order."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_store import small_store

from PDACScreeningLib.config import PAPER_SCALES, NetworkSpec

BENCHMARKS = Path(__file__).resolve().parents[1] / "Benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import bench_training

    return bench_training


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import benchmark_page

    return benchmark_page


@pytest.mark.parametrize(
    ("scale", "forward_gmac"),
    [
        (PAPER_SCALES[0], 49.9 + 4.3 + 2.1 + 4.3),  # the way to the main head; auxiliary #1, #2 by deconvolution
        (PAPER_SCALES[1], 6.24 + 0.54),
        (PAPER_SCALES[2], 0.78 + 0.067),
    ],
)
def test_a_patch_costs_three_times_its_forward_pass(bench, scale, forward_gmac):
    assert bench.flops_of_a_patch(scale, NetworkSpec()) == pytest.approx(3 * 2 * 1e9 * forward_gmac, rel=0.01)


def test_an_iteration_shorter_than_its_patches_waits_and_a_longer_one_does_not(bench, tmp_path, monkeypatch):
    sampler = bench.PatchSampler(small_store(tmp_path).cases, 16, bench.PAPER.sampling, 1.0)
    quick = sampler.sample

    def slow(*arguments, **options):
        time.sleep(0.05)
        return quick(*arguments, **options)

    monkeypatch.setattr(sampler, "sample", slow)
    assert bench.waiting_share(sampler, 2, 0.001, 0, seconds=0.6) > 0.8  # 50 ms and more of 51
    assert bench.waiting_share(sampler, 2, 0.4, 4, seconds=1.0) < 0.2


def test_figures_of_one_script_stand_together_in_the_order_they_came(page, tmp_path):
    path = tmp_path / "benchmarks.md"
    page.append(path, "one.py", "Monday", "a")
    page.append(path, "two.py", "Monday", "b")
    page.append(path, "one.py", "Tuesday", "c")
    assert path.read_text() == (
        "# Benchmark log\n\n## one.py\n\n### Monday\n\na\n\n### Tuesday\n\nc\n\n## two.py\n\n### Monday\n\nb\n"
    )


def test_text_that_stands_on_the_page_stays(page, tmp_path):
    path = tmp_path / "benchmarks.md"
    path.write_text("# Benchmark log\n\nWhat is measured.\n\n## one.py\n\nSaid by hand.\n")
    page.append(path, "one.py", "Monday", "a")
    assert path.read_text() == "# Benchmark log\n\nWhat is measured.\n\n## one.py\n\nSaid by hand.\n\n### Monday\n\na\n"


def test_a_cpu_trains_no_larger_mini_batches_than_it_was_told(bench):
    config = bench.cpu_config(replace(bench.QUICK, cpu_batch=8))
    assert [scale.batch_size for scale in config.screening.scales] == [4, 8, 8]


def test_another_version_is_measured_by_the_tables_it_prints(page):
    import bench_against

    header = ["", "wall s", "processor s", "times faster"]
    tables = [
        page.table(title, header, [["MONAI", "9.9", seconds, "1.0"]]) for title, seconds in (("A", "8.5"), ("B", "3"))
    ]
    printed = "\n".join(["Computing on cpu.", *tables])
    assert bench_against.seconds_of(printed) == {("A", "MONAI"): 8.5, ("B", "MONAI"): 3.0}


@pytest.mark.slow
def test_the_benchmark_runs_and_fills_its_page(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "bench_training.py"), "--quick", "--device", "cpu", "--threads", "1"]
    run = subprocess.run([*command, "--page", str(tmp_path / "page.md")], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("# Benchmark log\n\n## bench_training.py\n")
    assert len(re.findall(r"^\| 16\^3", text, re.MULTILINE)) == 6  # samplers, waiting, trained twice
    assert run.stdout.count("####") == 7
    assert "| all |" in text
    assert "| 10,000 |" in text
