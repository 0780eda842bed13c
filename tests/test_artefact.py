from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kws import artefact as module
from kws.artefact import Artefact, list_models
from kws.errors import ArtefactError

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tiny: Artefact, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.folder, tmp_path / "copy"))


def edit(folder: Path, change: Edit) -> None:
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_what_is_saved_is_loaded(tiny: Artefact) -> None:
    loaded = Artefact.load(tiny.folder)
    assert loaded == tiny
    assert loaded.manifest.model_sha256
    assert loaded.manifest.tables_sha256


def test_saving_again_gives_the_same_bytes(tiny: Artefact, folder: Path) -> None:
    Artefact.save(folder, tiny.manifest, tiny.model)
    for name in ("manifest.json", "model.tflite"):
        assert (folder / name).read_bytes() == (tiny.folder / name).read_bytes()


def test_models_have_names(tiny: Artefact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "models_dir", lambda: tiny.folder.parent)
    assert list_models() == ["tiny"]
    assert Artefact.load("tiny") == tiny
    with pytest.raises(ArtefactError, match="no model 'other'; expected a folder or one of: tiny"):
        Artefact.load("other")


def test_every_model_of_the_project_loads() -> None:
    for name in list_models():
        assert Artefact.load(name).manifest.name == name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format=2), "format is 2; this program reads 1"),
        (lambda m: m.pop("labels"), r"missing or unknown entries \['labels'\]"),
        (lambda m: m.update(colour="red"), r"missing or unknown entries \['colour'\]"),
        (lambda m: m.update(labels="yes"), "labels is 'yes'; expected a JSON list"),
        (lambda m: m.update(labels=["yes", "yes"]), "each once"),
        (lambda m: m["front_end"].pop("hop"), "front-end with missing or unknown numbers"),
        (lambda m: m["front_end"].update(window=500), "window is 500"),
        (lambda m: m["decision"].update(smoothing=0), "smoothing 0"),
        (lambda m: m["decision"].update(hop="one"), "wrong type"),
        (lambda m: m["decision"].update(threshold="high"), "wrong type"),
        (lambda m: m["decision"].update(threshold={"yes": 0.5}), "for 'down' 'no' 'up'; expected"),
        (
            lambda m: m["decision"].update(threshold=dict.fromkeys(m["labels"], 0.5)),
            "unknown for '_silence_'; expected one number, or one for each of yes no up down",
        ),
        (
            lambda m: m["decision"].update(threshold={"yes": 0.5, "no": 2, "up": 0.5, "down": 0.5}),
            "threshold of 'no' is 2.0; expected above 0",
        ),
        (lambda m: m.update(model_sha256="0" * 64), r"sha256 is .*, expected 0000.*fetch it again"),
        (lambda m: m["front_end"].update(low_hz=50.0), "tables is .*export the model again"),
    ],
)
def test_damaged_manifest(folder: Path, change: Edit, message: str) -> None:
    edit(folder, change)
    with pytest.raises(ArtefactError, match=message) as error:
        Artefact.load(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe"])
def test_manifest_that_is_no_manifest(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(ArtefactError, match="damaged manifest"):
        Artefact.load(folder)


@pytest.mark.parametrize("name", ["manifest.json", "model.tflite"])
def test_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name}: No such file"):
        Artefact.load(folder)


def test_changed_network(folder: Path) -> None:
    with (folder / "model.tflite").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtefactError, match=r"model\.tflite: sha256"):
        Artefact.load(folder)
