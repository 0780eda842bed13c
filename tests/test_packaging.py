"""What is installed: versions, commands, what is imported, and what a wheel holds."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import kws
from kws.artefact import list_models
from kws.spec import FrontEnd
from kws_train import extras
from kws_train.config import tomllib

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = sorted((ROOT / "app" / "kws").glob("*.py"))
TRAINING = sorted((ROOT / "train" / "kws_train").glob("*.py"))
SCRIPTS = sorted(
    (entry.name, entry.value)
    for entry in importlib.metadata.distribution("kws-listen").entry_points
    if entry.group == "console_scripts"
)
STACK = {"tensorflow", "tf_keras", "keras", "qkeras", "pyroomacoustics", "scipy", "wordfreq"}
HEAVY = {*STACK, "matplotlib", "kws_train"}


def test_one_version() -> None:
    released = re.findall(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert kws.__version__ == released[0]
    assert kws.__version__ == importlib.metadata.version("kws-listen")


def call(value: str, *args: str) -> object:
    """The exit status of a command's `main`, as its console script would give it."""
    module, function = value.split(":")
    main = getattr(importlib.import_module(module), function)
    try:
        return main(list(args))
    except SystemExit as leaving:
        return leaving.code


@pytest.mark.parametrize(("name", "value"), SCRIPTS)
def test_commands_explain_themselves(
    name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(value, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: {name}")


@pytest.mark.parametrize(("name", "value"), SCRIPTS)
def test_wrong_usage_is_one_line(name: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(value, "--no-such-option") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{name}: ")
    assert said.err.count("\n") == 1


def test_training_without_its_extra_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "missing", lambda *packages: list(packages))
    assert call("kws_train.train:main", "st-float", "--data", "nowhere") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'kws-listen[train]'" in said


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        cwd=environment.get("PYTHONPATH", ROOT),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return result.stdout.strip()


def test_the_runtime_imports_nothing_heavy() -> None:
    modules = ", ".join(f"kws.{path.stem}" for path in RUNTIME if path.stem != "__init__")
    loaded = python(f"import kws, {modules}, sys; print(*sys.modules)").split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}


def test_scenes_and_versions_need_no_training_stack() -> None:
    code = "import kws_train.scenes, kws_train.versions, sys; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in python(code).split()}
    assert "kws_train" in loaded
    assert not STACK & loaded


def test_the_training_extra_has_what_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["optional-dependencies"]["train"]
    names = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in listed}
    assert not {*extras.TRAINING} - names


def imports(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", RUNTIME, ids=lambda path: path.stem)
def test_the_runtime_never_needs_training(path: Path) -> None:
    assert not HEAVY & set(imports(path))


def front_end_numbers() -> set[float]:
    """Those of the default front-end that nothing else is likely to be."""
    spec = FrontEnd()
    return {spec.sample_rate, spec.samples, spec.hop_seconds, spec.columns, spec.coefficients}


@pytest.mark.parametrize(
    "path",
    [path for path in RUNTIME + TRAINING if path.name != "spec.py"],
    ids=lambda path: path.stem,
)
def test_front_end_numbers_live_once(path: Path) -> None:
    literals = {
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    }
    assert not front_end_numbers() & literals


def test_front_end_numbers_are_generated_in_c() -> None:
    numbers = "|".join(re.escape(f"{number:g}") for number in front_end_numbers())
    found = []
    for folder in ("include", "src", "host"):
        for path in sorted((ROOT / "firmware" / folder).glob("*.[ch]")):
            code = re.sub(r'/\*.*?\*/|"[^"\n]*"', "", path.read_text(), flags=re.DOTALL)
            found += [(path.name, number) for number in re.findall(rf"\b(?:{numbers})\b", code)]
    assert found == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("kws_listen-*-py3-none-*.whl"))


def test_a_wheel_holds_both_packages_and_the_models(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {f"kws/{path.name}" for path in RUNTIME}
    expected |= {f"kws_train/{path.name}" for path in TRAINING}
    expected |= {"kws/py.typed", "kws_train/py.typed"}
    for model in list_models():
        expected |= {f"kws/models/{model}/{name}" for name in ("manifest.json", "model.tflite")}
    assert not expected - names
    inside = {name.split("/")[0] for name in names}
    assert inside == {"kws", "kws_train", f"kws_listen-{kws.__version__}.dist-info"}
    assert not any(Path(name).name.startswith(("test_", "conftest")) for name in names)


def test_a_wheel_finds_its_models(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from kws.artefact import list_models, models_dir; print(models_dir(), *list_models())"
    found = python(code, PYTHONPATH=str(tmp_path))
    assert found.split() == [str(tmp_path / "kws" / "models"), *list_models()]
