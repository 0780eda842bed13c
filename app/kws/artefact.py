"""A model on disk: models/NAME/ with model.tflite, manifest.json and README.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from kws.decide import Decision
from kws.errors import ArtefactError, SpecError
from kws.spec import FrontEnd
from kws.tables import tables

DEFAULT_MODEL = "commands"  # what the command lines take where none is named
FORMAT = 1
MANIFEST = "manifest.json"
MODEL = "model.tflite"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a program must know of a model besides its network.

    `Artefact.save` computes the two hashes: `tables_sha256` guards the front-end's tables,
    `model_sha256` the network.
    """

    format: int = FORMAT
    name: str
    labels: tuple[str, ...]
    front_end: FrontEnd
    tables_sha256: str = ""
    model_sha256: str = ""
    decision: Decision
    provenance: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, in the order of the fields."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {
            "labels": list(self.labels),
            "front_end": self.front_end.to_json(),
            "decision": self.decision.to_json(),
            "provenance": dict(self.provenance),
            "figures": dict(self.figures),
        }

    @classmethod
    def from_json(cls, values: Any) -> Manifest:
        """The inverse of `to_json`; raises `ArtefactError` on anything else."""
        if not isinstance(values, dict):
            raise ArtefactError("a manifest is one JSON object")
        if values.get("format") != FORMAT:
            raise ArtefactError(
                f"format is {values.get('format')!r}; this program reads {FORMAT}: "
                "install the kws-listen that the model was made for"
            )
        names = {f.name for f in fields(cls)}
        if wrong := sorted(names ^ set(values)):
            raise ArtefactError(f"missing or unknown entries {wrong}")
        for name, kind in _KINDS.items():
            if not isinstance(values[name], kind):
                raise ArtefactError(f"{name} is {values[name]!r}; expected a JSON {kind.__name__}")
        labels = tuple(map(str, values["labels"]))
        if not labels or len(set(labels)) != len(labels):
            raise ArtefactError(f"labels are {list(labels)}; expected at least one, each once")
        try:
            front_end = FrontEnd.from_json(values["front_end"])
            decision = Decision.from_json(values["decision"])
            decision.threshold_codes(labels)  # one for each word, if they differ
        except SpecError as error:
            raise ArtefactError(str(error)) from error
        return cls(**values | {"labels": labels, "front_end": front_end, "decision": decision})


_KINDS = {
    "name": str,
    "labels": list,
    "front_end": dict,
    "tables_sha256": str,
    "model_sha256": str,
    "decision": dict,
    "provenance": dict,
    "figures": dict,
}


@dataclass(frozen=True)
class Artefact:
    """A model that was checked when it was loaded."""

    folder: Path
    manifest: Manifest
    model: bytes

    @classmethod
    def load(cls, name: str | Path) -> Artefact:
        """A model by its name in `models_dir()` or by its folder.

        Raises `ArtefactError` where it is missing, damaged, of another format version, or made
        with tables that this machine computes otherwise.
        """
        folder = _find(name)
        try:
            text = (folder / MANIFEST).read_text(encoding="utf-8")
            model = (folder / MODEL).read_bytes()
        except OSError as error:
            raise ArtefactError(
                f"{error.filename}: {error.strerror}; a model is a folder with {MANIFEST} and "
                f"{MODEL}"
            ) from error
        except UnicodeDecodeError as error:
            raise ArtefactError(_damaged(folder, f"not UTF-8 at byte {error.start}")) from error
        try:
            manifest = Manifest.from_json(json.loads(text))
        except (json.JSONDecodeError, ArtefactError) as error:
            raise ArtefactError(_damaged(folder, str(error))) from error
        _check(folder / MODEL, "sha256", _sha256(model), manifest.model_sha256, "fetch it again")
        _check(
            folder / MANIFEST,
            "digest of the front-end's tables",
            tables(manifest.front_end).digest,
            manifest.tables_sha256,
            "this version of kws-listen computes other columns than the model was trained on: "
            "export the model again",
        )
        return cls(folder, manifest, model)

    @classmethod
    def save(cls, folder: Path, manifest: Manifest, model: bytes) -> Artefact:
        """Write the two files, with the hashes filled in, and return what was written."""
        manifest = replace(
            manifest,
            model_sha256=_sha256(model),
            tables_sha256=tables(manifest.front_end).digest,
        )
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(manifest.to_json(), indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
        (folder / MODEL).write_bytes(model)
        return cls(folder, manifest, model)


def read_model(name: str) -> tuple[bytes, Manifest | None]:
    """The network of a model, as `Artefact.load` takes it, and its manifest; of FILE.tflite none.

    Raises `ArtefactError` as `Artefact.load` does, and `OSError`.
    """
    if name.endswith(".tflite"):
        return Path(name).read_bytes(), None
    artefact = Artefact.load(name)
    return artefact.model, artefact.manifest


def models_dir() -> Path:
    """Where models are looked up by name: in the installed package, else in the checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parents[1] / "models"


def list_models() -> list[str]:
    """The names of the models in `models_dir()`, sorted."""
    return sorted(path.parent.name for path in models_dir().glob(f"*/{MANIFEST}"))


def _find(name: str | Path) -> Path:
    for folder in (models_dir() / name, Path(name)):
        if folder.is_dir():
            return folder
    raise ArtefactError(
        f"no model {str(name)!r}; expected a folder or one of: {' '.join(list_models()) or '-'} "
        f"(in {models_dir()})"
    )


def _damaged(folder: Path, why: str) -> str:
    return f"{folder / MANIFEST}: damaged manifest: {why}"


def _check(path: Path, what: str, found: str, expected: str, advice: str) -> None:
    if found != expected:
        raise ArtefactError(
            f"{path}: {what} is {found[:16]}..., expected {expected[:16]}...; {advice}"
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
