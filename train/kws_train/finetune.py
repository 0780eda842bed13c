"""kws-train --words: a model for somebody's own words, from a model that is there."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from kws.artefact import Artefact
from kws.decide import is_keyword
from kws.engine import open_engine
from kws.errors import ArtefactError, KwsError
from kws.quiet import quiet
from kws_train.config import ConfigError, Experiment, Synthetic, Training
from kws_train.corpus import Corpus, corpus
from kws_train.data import SILENCE, UNKNOWN
from kws_train.intervals import Share
from kws_train.own_words import gather

BASE = "commands"
COMMAND = "kws-train --words"
VERSIONS = 1500  # of a word, made of its recordings
COPIES = (2, 40)  # of a recording: fewest and most
OTHER_COPIES = 2  # of a recording of anything else
STEPS = 2000
BATCH = 64
CALIBRATING = 2000  # windows
TUNING_HOURS = 0.5  # of other words joined
HEADS = ("labels", "labels_norm", "words")  # layers that the new words get anew
console = Console(stderr=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `train_words`."""
    own = parser.add_argument_group("your own words")
    own.add_argument(
        "--words", type=_words, metavar="A,B", help="train for these, each a folder of --data"
    )
    own.add_argument("--name", help="of the model (default: the words)")
    own.add_argument(
        "--from",
        dest="base",
        default=BASE,
        metavar="MODEL",
        help="the 8-bit model to start from, by name or folder (default: %(default)s)",
    )
    own.add_argument(
        "--negatives", type=Path, metavar="DIR", help="more recordings of anything else"
    )


def train_words(options: argparse.Namespace) -> None:
    """Train a model for `options.words`, fit its decision, and write its folder.

    Nothing of a model stands in `options.models` before it is finished.
    """
    words = options.words
    base = Artefact.load(options.base)
    target = _target(options.models, options.name or "-".join(words))
    options.cache.mkdir(parents=True, exist_ok=True)
    # of a serialiser that Keras does not expect and that is not read here
    warnings.filterwarnings("ignore", r"The `keras\.constraints", UserWarning)
    with tempfile.TemporaryDirectory(prefix="words-", dir=options.cache) as temporary:
        archive, made = Path(temporary) / "archive", Path(temporary) / "model" / target.name
        with quiet():
            from kws_train.unfold import unfold

            known, network = unfold(base)
        spec = known.front_end
        seconds = known.augment.samples(spec) / spec.sample_rate
        gather(words, options.data, options.negatives, spec.sample_rate, seconds, archive)
        experiment = _experiment(words, known, base.manifest.name, archive)
        data = corpus(archive, options.cache, experiment)
        experiment = replace(experiment, train=_schedule(experiment, data))
        artefact = _train(experiment, data, network, base, made)
        for line in validation(artefact, data):
            console.print(line, highlight=False)
        _decide(artefact, archive)
        _move(made, target)
    sys.stdout.write(f"{target.name}: written to {target}\n")


def start_from(source: Any, target: Any, data: Corpus, experiment: Experiment) -> None:
    """Give a network the weights of another, all but the heads', as they are for these clips."""
    from kws_train.trainer import as_input
    from kws_train.unfold import calibrate

    margin, columns = experiment.augment.margin, experiment.front_end.columns
    chosen = np.random.default_rng(0).permutation(len(data.versions))[:CALIBRATING]
    windows = np.asarray(data.versions[np.sort(chosen), margin : margin + columns])
    calibrate(source, as_input(windows, experiment))
    for layer in target.layers:
        if layer.weights and layer.name not in HEADS:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def validation(artefact: Artefact, data: Corpus) -> Iterator[str]:
    """What the finished model says to the validation clips, word by word."""
    engine, labels = open_engine(artefact), artefact.manifest.labels
    heard = np.array([engine.infer(window).argmax() for window in data.validation])
    yield "validation clips that are told right, of the finished model (95 % interval):"
    for index in np.unique(data.answers):
        right = heard[data.answers == index] == index
        share = Share(int(right.sum()), len(right))
        yield f"  {labels[index]:<16} {share.hits:>4} of {share.total:<4} {share}"


def _words(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))
    if not words or any(word[0] in "_." or "/" in word for word in words):
        raise argparse.ArgumentTypeError(f"words are {text!r}; expected such as lights,music")
    return words


def _target(models: Path, name: str) -> Path:
    """Where the model will stand; raises `ConfigError` where another one does."""
    folder = models / name
    if Path(name).name != name or name.startswith("."):
        raise ConfigError(f"name is {name!r}; expected a folder's name, such as my-words")
    if folder.exists():
        try:
            command = str(Artefact.load(folder).manifest.provenance.get("command"))
        except ArtefactError:
            command = ""
        if not command.startswith(COMMAND):
            raise ConfigError(
                f"{folder} exists and was not made by {COMMAND}; name another with --name"
            )
    return folder


def _experiment(words: Sequence[str], known: Experiment, name: str, archive: Path) -> Experiment:
    clips = sum(len(list((archive / word).iterdir())) for word in words)
    copies = int(np.clip(VERSIONS * len(words) // clips, *COPIES))
    return replace(
        known,
        description=f"{', '.join(words)}: trained on from {name}",
        publish=True,
        labels=(*words, UNKNOWN, SILENCE),
        augment=replace(known.augment, copies=copies, other_copies=OTHER_COPIES),
        synthetic=Synthetic(least=0, fill=0),
        train=Training(batch=BATCH, rate=1e-3, balance=1.0, others=1.5, seed=known.train.seed),
    )


def _schedule(experiment: Experiment, data: Corpus) -> Training:
    """As many epochs as `STEPS` come to."""
    from kws_train.sampler import Sampler

    steps = Sampler(data, experiment, None).steps
    return replace(experiment.train, epochs=math.ceil(STEPS / steps))


def _train(
    experiment: Experiment, data: Corpus, network: Any, base: Artefact, folder: Path
) -> Artefact:
    from kws_train.publish import publish
    from kws_train.trainer import Trainer, load_trained

    run = folder.parents[1] / "run" / folder.name
    with quiet():
        trainer = Trainer(experiment, data, run)
        start_from(network, trainer.model, data, experiment)
        trainer.averaged.set_weights(trainer.model.get_weights())
    accuracy = trainer.run()
    artefact = publish(experiment, load_trained(run)[1], data, accuracy, folder)
    found = artefact.manifest
    words = ",".join(filter(is_keyword, experiment.labels))
    provenance = {
        **found.provenance,
        "command": f"{COMMAND} {words} --data DIR --name {folder.name} --from {base.manifest.name}",
        "data": "own recordings",
        "started_from": {"name": base.manifest.name, "model_sha256": base.manifest.model_sha256},
    }
    decision = replace(found.decision, hop=base.manifest.decision.hop)
    changed = replace(found, decision=decision, provenance=provenance)
    return Artefact.save(folder, changed, artefact.model)


def _decide(artefact: Artefact, archive: Path) -> None:
    from kws_train import tune

    if tune.main([str(artefact.folder), "--data", str(archive), "--hours", str(TUNING_HOURS)]):
        raise KwsError("no decision could be fitted to the validation clips")


def _move(made: Path, target: Path) -> None:
    """Put the finished folder in its place, where another run's may stand."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _beside(target) as partial:
        shutil.copytree(made, partial)
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
