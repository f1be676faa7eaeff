"""Every link of every page leads somewhere, and so does every page that code or text names by its path."""

import argparse
import inspect
import re
import subprocess
from pathlib import Path

import pytest

import PDACScreeningLib
from PDACScreeningLib import errors
from PDACScreeningLib.commands import screen

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)|(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
NAMED_PAGE = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.(?:md|png|svg|sbatch|py)\b")
IN_OTHER_PROGRAMS = ("docs/experiments/",)  # reports as they were written: they name the pages of their day


def tracked(pattern: str = "") -> list[str]:
    """Files of the project, as git knows them; without git (an unpacked archive) the folder is walked."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        names = listed.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return sorted(name for name in names if name.endswith(pattern) and (ROOT / name).is_file())


def links(text: str) -> list[str]:
    """Targets of the links and pictures of a page, in Markdown and in HTML."""
    return [markdown or html for markdown, html in LINK.findall(text)]


def anchors(page: Path) -> set[str]:
    """Names that a link may use after `#`, as code hosts make them of headings."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", tracked(".md"))
def test_every_relative_link_of_a_page_resolves(page):
    source = ROOT / page
    dead = []
    for link in links(source.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        file = (source.parent / target) if target else source
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            dead.append(link)
    assert not dead, f"{page} links to {dead}"


def test_every_page_that_a_file_names_by_its_path_exists():
    dead = []
    for name in tracked():
        if name.startswith(IN_OTHER_PROGRAMS) or name == "CHANGELOG.md":
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a scan
        dead += [f"{name}: {page}" for page in NAMED_PAGE.findall(text) if not (ROOT / page).exists()]
    assert not dead


def test_every_page_of_docs_stands_in_its_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in links(index)}
    pages = [
        name
        for name in tracked(".md")
        if re.fullmatch(r"docs/(?:[\w-]+/)?[\w-]+\.md|docs/experiments/[\w-]+/README\.md", name)
    ]
    missing = [
        name
        for name in pages
        if name != "docs/README.md" and not name.startswith("docs/adr/") and (ROOT / name).resolve() not in linked
    ]
    assert not missing, f"docs/README.md does not lead to {missing}"


def test_every_name_of_the_front_door_is_documented():
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    names = set(PDACScreeningLib.__all__) - {"__version__"}
    assert sorted(name for name in names if not re.search(rf"`\.?{name}\b", page)) == []


def test_every_error_that_the_page_names_exists():
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:errors\.)?(\w+Error|GeometryMismatch|Cancelled)`", page))
    assert named
    assert all(hasattr(errors, name) for name in named)


def test_the_arguments_that_the_page_names_are_those_of_the_front_door():
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    called = {"Screener": PDACScreeningLib.Screener.__init__, ".screen": PDACScreeningLib.Screener.screen}
    called |= {name: getattr(PDACScreeningLib, name) for name in ("score_segmentation", "train")}
    for name, function in called.items():
        named = re.findall(r"(\w+)=", re.search(rf"`{re.escape(name)}\(([^`]*)\)`", page).group(1))
        assert named
        assert set(named) <= set(inspect.signature(function).parameters), name


def test_the_page_of_the_command_line_names_every_option_of_screen():
    parser = argparse.ArgumentParser(add_help=False)
    screen.add_arguments(parser)
    page = (ROOT / "docs" / "reference" / "command_line.md").read_text(encoding="utf-8")
    options = {option for action in parser._actions for option in action.option_strings}
    assert len(options) > 8
    assert sorted(option for option in options if not re.search(rf"{option}\b", page)) == []
