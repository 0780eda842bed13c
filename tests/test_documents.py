"""The documents say what is there: links, make targets, options, modules and figures."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import shlex
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from kws.artefact import Artefact, list_models
from twins import ROOT

NAMES = ("README.md", "DESIGN.md", "CHANGELOG.md", "CONTRIBUTING.md")
DOCUMENTS = [ROOT / name for name in (*NAMES, "models/README.md", "firmware/board/README.md")]
COMMANDS = {
    entry.name: entry.load
    for entry in importlib.metadata.distribution("kws-listen").entry_points
    if entry.group == "console_scripts"
}
TEXT = "\n".join(path.read_text() for path in DOCUMENTS)
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def anchors(document: Path) -> set[str]:
    """What a link into a document may name."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def targets() -> set[str]:
    """What make can be asked for."""
    files = [ROOT / "Makefile", *(ROOT / "firmware").glob("*.mk"), ROOT / "firmware/host/host.mk"]
    text = "\n".join(path.read_text() for path in files)
    lines = re.findall(r"^([a-z][\w% -]*):(?!=)", text, re.MULTILINE)
    return {name for line in lines for name in line.split()}


@EACH
def test_links(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        found = document.parent / path if path else document
        assert found.exists(), link
        assert not anchor or anchor in anchors(found), link


def test_make_targets() -> None:
    quoted = re.findall(r"(?:^ {4}|`)make ([a-z][\w-]*)", TEXT, re.MULTILINE)
    known = {name.replace("%", "NAME") for name in targets()}
    models = {f"train-{name}" for name in list_models()}
    assert len(quoted) > 30
    assert set(quoted) - known - models == set()


def test_contributing_has_every_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = re.findall(r"^  make (\S+)", listed.stdout, re.MULTILINE)
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert [name for name in names if name != "help" and f"`make {name}`" not in text] == []


@pytest.mark.parametrize("line", re.findall(r"^ {4}\.venv/bin/(kws-.*)$", TEXT, re.MULTILINE))
def test_options(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *words = shlex.split(line, comments=True)
    lead = list(itertools.takewhile(lambda word: not word.startswith("--"), words))
    with pytest.raises(SystemExit):
        COMMANDS[name]()([*lead, "--help"])
    known = re.findall(r"--[a-z-]+", capsys.readouterr().out)
    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_the_design_has_every_module() -> None:
    layout = (ROOT / "DESIGN.md").read_text().partition("\n## Layout\n")[2]
    words = re.findall(r"[\w*]+", layout)
    modules = [path.stem for path in (ROOT / "app/kws").glob("*.py")]
    small = {"__init__", "errors", "quiet"}
    missing = [name for name in modules if not any(fnmatch(name, word) for word in words)]
    assert set(missing) <= small


def test_the_models_page_has_every_experiment() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "models/README.md").read_text(), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    experiments = [path.stem for path in (ROOT / "train/experiments").glob("*.toml")]
    assert {*experiments} <= {*listed}
    kinds = ("commands", "st-", "teacher")
    assert {name for name in listed if name.startswith(kinds)} <= {*experiments}


@pytest.mark.parametrize("name", list_models())
def test_figures(name: str) -> None:
    """The table's row of each model has the accuracy of its card and the flash of its manifest."""
    card = (ROOT / "models" / name / "README.md").read_text()
    accuracy = re.findall(r"\*\*([\d.]+ % \([\d.]+ to [\d.]+\))\*\*", card)
    flash = Artefact.load(name).manifest.figures["flash_bytes"]
    rows = (ROOT / "README.md").read_text().splitlines()
    (row,) = (row for row in rows if row.startswith(f"| `{name}`"))
    assert len(accuracy) == 1
    assert f"| {accuracy[0]} |" in row
    assert f"| {flash:,} bytes (" in row
