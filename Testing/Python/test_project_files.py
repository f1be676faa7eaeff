"""The files that contributors and code hosts look for: there, readable, and saying what the project says elsewhere."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import PDACScreeningLib

ROOT = Path(__file__).resolve().parents[2]
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
ASKED_FOR = "pdac-screening check --json"


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"])
def test_a_contributor_finds_what_is_asked_of_him(name):
    assert (ROOT / name).read_text(encoding="utf-8").strip()


def test_contributing_fits_on_one_screen():
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 30


def test_the_citation_names_this_version_this_license_and_the_paper():
    citation = read_yaml("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PDACScreeningLib.__version__
    assert citation["license"] == project()["license"]
    paper = citation["preferred-citation"]
    assert [author["family-names"] for author in paper["authors"]] == ["Zhu", "Xia", "Xie", "Fishman", "Yuille"]
    assert paper["title"].rstrip(".") in " ".join(
        (ROOT / "README.md").read_text(encoding="utf-8").replace(">", " ").split()
    )


@pytest.mark.parametrize("form", ["bug.yml", "result.yml"])
def test_an_issue_form_asks_for_the_installation_check_and_for_no_patient(form):
    content = yaml.safe_load((FORMS / form).read_text(encoding="utf-8"))
    assert content["name"]
    assert content["description"]
    fields = [part for part in content["body"] if part["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(ASKED_FOR in field["attributes"]["label"] for field in fields)
    assert "No patient data" in content["body"][0]["attributes"]["value"]


def test_the_build_server_checks_three_systems_and_every_python_that_is_promised():
    workflow = read_yaml(".github/workflows/test.yml")
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["system"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert project()["requires-python"] == f">={matrix['python'][0]}"


def test_the_build_server_runs_every_check_of_make_test():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ntest: ")[2].partition("\n\n")[0]
    tools = [re.sub(r"\w+=\S+|\$\(BIN\)/|\$\(SOURCES\)", "", line).split() for line in recipe.splitlines()[1:]]
    steps = [step.get("run", "").split() for step in read_yaml(".github/workflows/test.yml")["jobs"]["test"]["steps"]]
    for tool in tools:
        assert any(step[: len(tool)] == tool for step in steps), tool


def test_pre_commit_runs_the_two_halves_of_ruff():
    [repository] = read_yaml(".pre-commit-config.yaml")["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff-format", "ruff-check"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder into which a wheel of this tree was installed, without its dependencies and without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    source, target = folder / "source", folder / "installed"
    source.mkdir()
    for name in ("PDACScreeningLib", "Resources"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE.txt"):
        shutil.copy(ROOT / name, source)
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return target


def test_an_installed_wheel_says_that_it_is_typed(installed):
    assert (installed / "PDACScreeningLib" / "py.typed").is_file()


def test_an_installed_wheel_holds_every_file_of_the_library_and_every_resource(installed):
    def names(folder):
        return {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".pyc" and path.relative_to(folder).parts[0] != "Resources"
        }

    assert names(installed / "PDACScreeningLib") == names(ROOT / "PDACScreeningLib")
    resources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "Resources").rglob("*") if path.is_file()}
    held = {
        path.relative_to(installed / "PDACScreeningLib").as_posix()
        for path in installed.rglob("Resources/**/*")
        if path.is_file()
    }
    assert {name for name in held if not name.endswith(".pyc")} == resources


def test_an_installed_wheel_finds_its_demo_model(installed):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "PDACScreeningLib", "models"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=installed)
    assert done.returncode == 0, done.stderr
    assert "demo-phantom" in done.stdout


def test_make_bench_adds_to_the_log_under_the_name_of_each_script():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    log = ROOT / re.search(r"^BENCHMARK_LOG := (\S+)$", makefile, re.MULTILINE).group(1)
    chapters = re.findall(r"^## (.+)$", log.read_text(encoding="utf-8"), re.MULTILINE)
    scripts = set(re.findall(r"Testing/Benchmarks/(\w+\.py) .*--page \$\(BENCHMARK_LOG\)", makefile))
    assert len(scripts) == 8
    assert scripts <= set(chapters)
