"""An experiment as one TOML file: every number of a training, checked when it is read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from kws.errors import KwsError
from kws.spec import FrontEnd
from kws_train.augment import Augmentation
from kws_train.data import COMMANDS

CLIPS = "clips"  # key of a file: the experiment that it shares these with
SHARED = ("labels", "augment", "synthetic")
OWN = ("description", "publish", "train")  # of an experiment that goes on with another's network
COLUMNS, EMBEDDING = "columns", "embedding"  # what a network hears


class ConfigError(KwsError):
    """An experiment file with a key or a value that is not expected."""


@dataclass(frozen=True)
class Layer:
    """One layer of a network; `kind` says which of the other fields it reads.

    conv, depthwise, dense  filters, kernel [time, frequency], stride, weights
    pool                    kernel
    residual                filters, kernel, stride: two convolutions beside a shortcut
    separable               filters, kernel, stride: a depthwise and a 1 x 1 convolution, beside a
                            shortcut where neither channels nor rows change
    bands                   filters: a column's coefficients as so many bands, side by side
    norm                    batch norm, where the activation is "elu"
    average                 mean over time and frequency
    """

    kind: str
    filters: int = 0
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    weights: str = ""  # "int8" or "binary"; "" takes the network's
    dropout: float = 0.0


@dataclass(frozen=True)
class NetworkConfig:
    """A network, as the list of its layers; a dense layer for the labels is added at its end.

    precision   "float", or "int8": 8-bit weights and activations through QKeras
    activation  "relu": every convolution and dense layer has a norm, which folds, then a ReLU;
                "elu": each has an ELU, and norms stand only where `norm` layers are listed
    padding     "same", or "valid": none, so that the network can run column by column
    """

    layers: tuple[Layer, ...]
    precision: str = "float"
    activation: str = "relu"
    padding: str = "same"


@dataclass(frozen=True)
class Synthetic:
    """Synthesised clips in the training set.

    Rare words alone would teach that a synthesiser's voice is a rare word.

    least    clips of each label by espeak-ng and flite
    fill     more of them, up to as many with the recordings
    others   clips of each other word, up to as many with the recordings; 0 makes none
    words    clips of frequent words that are no labels, of the label "_unknown_"
    running  minutes of running speech by them, likewise
    """

    least: int = 60
    fill: int = 500
    others: int = 0
    words: int = 0
    running: float = 0.0


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    initial      experiment whose trained weights it starts from
    teacher      experiments whose logits it is distilled from (Hinton et al., 1503.02531)
    distil       weight of the distillation, 0 to 1; the rest is the labels'
    temperature  softens both sides of the distillation
    auxiliary    weight of a second head, dropped at export, that names all words
    others       clips of other words an epoch, per clip of a command
    scenes       clips of "_unknown_" itself, no words, likewise; 0 draws them as a label
    balance      0 draws clips as they come, 1 every word equally often
    mixup        how evenly pairs of windows are mixed: alpha of the beta distribution; 0 not
    average      decay of the moving average of weights that is judged and exported
    streams      train along streams of `initial`'s clips, see on_streams.py: of the other numbers
                 it reads epochs, rate, final_rate, warmup, average and seed
    """

    epochs: int = 60
    batch: int = 128
    rate: float = 1e-3
    final_rate: float = 1e-5
    warmup: float = 1.0
    decay: float = 1e-4
    smoothing: float = 0.05
    balance: float = 0.8
    others: float = 0.5
    scenes: float = 0.0
    auxiliary: float = 0.3
    mixup: float = 0.0
    average: float = 0.998
    seed: int = 1
    initial: str = ""
    teacher: tuple[str, ...] = ()
    distil: float = 0.0
    temperature: float = 2.0
    streams: bool = False


@dataclass(frozen=True)
class Experiment:
    """A whole experiment file.

    publish  whether it ends with a model in models/
    hears    "columns", or "embedding" for a teacher, see embedding.py; it has no bands to mask
    """

    description: str
    network: NetworkConfig
    publish: bool = True
    hears: str = COLUMNS
    labels: tuple[str, ...] = COMMANDS
    front_end: FrontEnd = field(default_factory=FrontEnd)
    augment: Augmentation = field(default_factory=Augmentation)
    synthetic: Synthetic = field(default_factory=Synthetic)
    train: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        if self.train.streams and not self.train.initial:
            raise ConfigError("streams = true needs what it starts from; expected train.initial")
        if self.hears not in (COLUMNS, EMBEDDING):
            raise ConfigError(f"hears is {self.hears!r}; expected {COLUMNS!r} or {EMBEDDING!r}")
        if self.hears == EMBEDDING and (self.augment.time_masks or self.augment.frequency_masks):
            raise ConfigError(
                f"a network that hears {EMBEDDING!r} has no bands to mask; "
                "expected time_masks = 0 and frequency_masks = 0"
            )
        if self.publish and self.hears == EMBEDDING:
            raise ConfigError(
                f"a network that hears {EMBEDDING!r} is for others to learn from; "
                "expected publish = false"
            )
        if self.publish and (self.network.precision, self.network.activation) == ("float", "relu"):
            raise ConfigError(
                "a float network with activation 'relu' is for others to start from; "
                "expected publish = false"
            )


def read_experiment(path: Path) -> Experiment:
    """Read and check an experiment, in TOML or in the JSON that a training keeps.

    One with `clips = "NAME"` trains on clips as the experiment NAME beside it does: what it has not
    of `SHARED` itself is as there. One without a network is the experiment that it starts from,
    trained on: only its `OWN` are not as there. Raises `ConfigError` with the key that is wrong.
    """
    return parse_experiment(_whole(path), str(path))


def _whole(path: Path, after: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A file's values and those that it has from others; `after` are files that start from it."""
    if path in after:
        raise ConfigError(f"{path}: starts from itself; expected a network or another experiment")
    values = _table(path)
    if name := values.pop(CLIPS, None):
        others = _table(path.with_name(f"{name}{path.suffix}"))
        if CLIPS in others:
            raise ConfigError(
                f"{path}: {CLIPS} is {name!r}, which has those of {others[CLIPS]!r}; "
                "expected that one"
            )
        values = {key: others[key] for key in SHARED if key in others} | values
    options = values.get("train")
    if "network" not in values and isinstance(options, dict) and "initial" in options:
        begun = _whole(path.with_name(f"{options['initial']}{path.suffix}"), (*after, path))
        values = {key: begun[key] for key in begun if key not in OWN} | values
    return values


def _table(path: Path) -> dict[str, Any]:
    parse = json.loads if path.suffix == ".json" else tomllib.loads
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; expected an experiment") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not {path.suffix[1:].upper()} ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} is {values!r}; expected a table")
    return values


def parse_experiment(values: Any, where: str) -> Experiment:
    """An experiment from plain values; `where` says in errors what they are of."""
    experiment = _convert(Experiment, values, where)
    assert isinstance(experiment, Experiment)
    return experiment


def resolved(experiment: Experiment) -> dict[str, Any]:
    """Every value that the experiment runs with, defaults included."""
    return asdict(experiment)


def _convert(kind: Any, value: Any, where: str) -> Any:
    """`value` from TOML as `kind`: a dataclass, a tuple, or a plain type."""
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where} is {value!r}; expected a list")
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_convert(inner[0], v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(inner) != len(value):
            raise ConfigError(f"{where} has {len(value)} values; expected {len(inner)}")
        return tuple(_convert(k, v, where) for k, v in zip(inner, value, strict=True))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind and not isinstance(kind, UnionType):
        raise ConfigError(f"{where} is {value!r}; expected a value of type {kind.__name__}")
    return value


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {value!r}; expected a table")
    types = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    if unknown := sorted(set(value) - set(names)):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; expected some of {names}")
    try:
        return kind(**{k: _convert(types[k], v, f"{where}: {k}") for k, v in value.items()})
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
