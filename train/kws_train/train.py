"""kws-train: from an experiment file and Speech Commands to trained weights and their curves."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from kws.artefact import models_dir
from kws.command import Parser, run
from kws_train import finetune
from kws_train.config import ConfigError, Experiment, read_experiment
from kws_train.corpus import Corpus, corpus
from kws_train.distil import lessons, lessons_along
from kws_train.extras import TRAINING, need
from kws_train.on_streams import OnStreams
from kws_train.stream_corpus import stream_corpus
from kws_train.trainer import CURVES, EXPERIMENT, Trainer, console, load_trained

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
SEED = "-seed"


def is_trained(runs: Path, name: str, experiment: Experiment) -> bool:
    """Whether a training with these numbers has reached its last epoch."""
    run = runs / name
    curves = run / CURVES
    ended = curves.is_file() and len(curves.read_text().split()) > experiment.train.epochs
    return ended and read_experiment(run / EXPERIMENT) == experiment


def seeded(path: Path, seed: int = 0) -> tuple[str, Experiment]:
    """An experiment and its run's name, with another seed unless it is 0.

    What it starts from and its teachers stay as they are.
    """
    experiment = read_experiment(path)
    if not seed:
        return path.stem, experiment
    options = replace(experiment.train, seed=seed)
    return f"{path.stem}{SEED}{seed}", replace(experiment, train=options)


def train(path: Path, options: argparse.Namespace, seed: int = 0, *, asked: bool = True) -> None:
    """Train an experiment, those that it starts or learns from first; publish it if `asked` for."""
    name, experiment = seeded(path, seed)
    needs = experiment.train
    for needed in dict.fromkeys((needs.initial, *needs.teacher)):
        other = path.with_name(f"{needed}.toml")
        if other == path:
            raise ConfigError(f"{path}: starts or learns from itself; expected another experiment")
        if needed and not is_trained(options.runs, needed, read_experiment(other)):
            train(other, options, asked=False)
    if needs.streams:
        data, trainer = _on_streams(path, experiment, options.runs / name, options)
    else:
        data = corpus(options.data, options.cache, experiment, options.speech)
        told = None
        if needs.teacher:
            told = lessons(options.runs, options.cache, needs.teacher, data, experiment)
        trainer = Trainer(experiment, data, options.runs / name, told)
    accuracy = trainer.run()
    console.print(f"{name}: validation accuracy {100 * accuracy:.2f} %")
    if asked and experiment.publish:
        from kws_train.publish import publish

        _, model = load_trained(options.runs / name)
        folder = publish(experiment, model, data, accuracy, options.models / name).folder
        console.print(f"{name}: written to {folder}", soft_wrap=True)


def on_clips(path: Path, experiment: Experiment) -> Experiment:
    """The experiment of clips that one along streams began with, over those between."""
    while experiment.train.streams:
        experiment = read_experiment(path.with_name(f"{experiment.train.initial}.toml"))
    return experiment


def _on_streams(
    path: Path, experiment: Experiment, folder: Path, options: argparse.Namespace
) -> tuple[Corpus, Trainer]:
    """What an experiment is judged by, and what trains it on streams of its clips."""
    clips = on_clips(path, experiment)
    if clips.labels != experiment.labels:
        raise ConfigError(
            f"labels are {list(experiment.labels)}; expected those of {experiment.train.initial}, "
            f"whose clips the streams are of: {list(clips.labels)}"
        )
    data = corpus(options.data, options.cache, clips, options.speech)
    streams = stream_corpus(options.data, options.cache, clips, data.key, options.speech)
    data, told = data.judged_by(options.data, experiment), None
    if teachers := experiment.train.teacher:
        told = lessons_along(options.runs, options.cache, teachers, streams, experiment)
    return data, OnStreams(experiment, data, folder, streams, told)


def main(argv: list[str] | None = None) -> int:
    """The command line of kws-train."""
    known = " ".join(sorted(path.stem for path in EXPERIMENTS.glob("*.toml")))
    parser = Parser(
        prog="kws-train", description="Train a network; a training that was stopped goes on."
    )
    parser.add_argument(
        "experiment", nargs="?", help=f"a TOML file, or one of train/experiments: {known}"
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="Speech Commands' folder, or one that has a folder for each of --words",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help=f"train it once more with another seed, as NAME{SEED}N",
    )
    parser.add_argument(
        "--speech",
        type=Path,
        metavar="DIR",
        help="recordings of running speech, whatever is said in it, that are _unknown_",
    )
    finetune.add_arguments(parser)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where trainings are kept")
    parser.add_argument("--cache", type=Path, default=Path(".cache"), help="where columns are kept")
    parser.add_argument("--models", type=Path, default=models_dir(), help="where models are kept")
    options = parser.parse_args(argv)
    if (options.experiment is None) == (options.words is None):
        parser.error("expected an experiment, or --words")
    path = Path(options.experiment or "")

    def work() -> None:
        need(*TRAINING)
        if options.words:
            finetune.train_words(options)
        else:
            train(
                path if path.suffix == ".toml" else EXPERIMENTS / f"{path}.toml",
                options,
                options.seed,
            )

    return run("kws-train", work)


if __name__ == "__main__":
    sys.exit(main())
