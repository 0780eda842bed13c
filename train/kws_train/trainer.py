"""Training step by step, and the folder that weights and their curves stand in."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from kws_train.config import ConfigError, Experiment, Training, read_experiment, resolved
from kws_train.corpus import Corpus
from kws_train.data import UNKNOWN
from kws_train.hearing import hearing
from kws_train.sampler import Sampler

EXPERIMENT, WORDS, CURVES = "experiment.json", "words.json", "curves.csv"
WEIGHTS = "averaged.weights.h5"
FIELDS = ("epoch", "rate", "loss", "accuracy", "validation_accuracy")
console = Console(stderr=True)


def learning_rate(options: Training, step: int, steps: int) -> float:
    """Linear warm-up over `warmup` epochs of `steps`, then half a cosine down to `final_rate`."""
    warm, total = options.warmup * steps, options.epochs * steps
    if step < warm:
        return options.rate * (step + 1) / warm
    turn = np.cos(np.pi * (step - warm) / max(total - warm, 1))
    return float(options.final_rate + 0.5 * (options.rate - options.final_rate) * (1 + turn))


class Trainer:
    """A model in training, its moving average, and the folder that both are kept in."""

    def __init__(
        self,
        experiment: Experiment,
        data: Corpus,
        folder: Path,
        lessons: NDArray[np.float16] | None = None,
    ) -> None:
        """`lessons` are what the experiment's teachers say to each version: [versions, labels]."""
        import tensorflow as tf

        from kws_train.transfer import transfer

        self.tf, self.experiment, self.data = tf, experiment, data
        self.folder, self.lessons = folder, lessons
        self._claim_folder()
        options = experiment.train
        runs = folder.parent
        tf.keras.utils.set_random_seed(options.seed)
        self.model = build(experiment, len(data.names))
        self.averaged = build(experiment, len(data.names))
        if options.initial:
            transfer(load_trained(runs / options.initial)[1], self.model)
        self.averaged.set_weights(self.model.get_weights())
        self.optimizer = tf.keras.optimizers.Adam(options.rate, clipnorm=5.0)
        self.epoch = tf.Variable(0, dtype=tf.int64)
        self.saver = tf.train.CheckpointManager(
            tf.train.Checkpoint(
                model=self.model,
                averaged=self.averaged,
                optimizer=self.optimizer,
                epoch=self.epoch,
            ),
            str(self.folder / "checkpoints"),
            max_to_keep=1,
        )
        decayed = [w for w in self.model.trainable_weights if "kernel" in w.name]
        self._decay = [] if experiment.network.precision != "float" else decayed
        labels = experiment.labels
        self._unknown = labels.index(UNKNOWN) if UNKNOWN in labels else -1
        self._step = tf.function(self._one_step)

    def _claim_folder(self) -> None:
        """Keep the resolved experiment; refuse a folder that another configuration has used."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = self.folder / EXPERIMENT
        if kept.is_file() and read_experiment(kept) != self.experiment:
            raise ConfigError(
                f"{self.folder} holds a training with other numbers; remove it to train anew"
            )
        kept.write_text(json.dumps(resolved(self.experiment), indent=2) + "\n")
        (self.folder / WORDS).write_text(json.dumps(self.data.names) + "\n")

    def _one_step(self, windows: Any, words: Any, share: Any, soft: Any) -> tuple[Any, Any]:
        """One update; returns the loss and the share of right answers among the commands."""
        tf, options = self.tf, self.experiment.train
        labels = len(self.experiment.labels)

        def mixed(values: Any) -> Any:
            """Each of the batch with one other of it (mixup, Zhang et al., 1710.09412)."""
            own = tf.reshape(share, (-1, *[1] * (len(values.shape) - 1)))
            return own * values + (1 - own) * tf.reverse(values, [0])

        x = mixed(as_input(windows, self.experiment))
        known = tf.where(words < labels, words, self._unknown)
        answer = mixed(tf.one_hot(known, labels))  # nothing, for a word that is no label
        mass = tf.reduce_sum(answer, -1, keepdims=True)
        answer += options.smoothing * (mass / labels - answer)
        with tf.GradientTape() as tape:
            logits, auxiliary = self.model(x, training=True)
            cross = -tf.reduce_sum(answer * tf.nn.log_softmax(logits))
            loss = (1 - options.distil) * cross / tf.maximum(tf.reduce_sum(mass), 1.0)
            named = mixed(tf.one_hot(words, len(self.data.names)))
            loss += options.auxiliary * tf.reduce_mean(
                tf.nn.softmax_cross_entropy_with_logits(named, auxiliary)
            )
            if self.lessons is not None:
                heat = options.temperature
                loss += (
                    options.distil
                    * heat**2
                    * tf.reduce_mean(
                        tf.nn.softmax_cross_entropy_with_logits(
                            mixed(tf.cast(soft, tf.float32)), logits / heat
                        )
                    )
                )
            if self._decay:
                loss += options.decay * tf.add_n([tf.nn.l2_loss(w) for w in self._decay])
        weights = self.model.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self._average()
        command = tf.cast(words < labels, tf.float32)
        right = tf.cast(tf.argmax(logits, -1) == words, tf.float32)
        return loss, tf.reduce_sum(right * command) / tf.maximum(tf.reduce_sum(command), 1.0)

    def _average(self) -> None:
        """Let the averaged weights follow, early on at once."""
        step = self.tf.cast(self.optimizer.iterations, self.tf.float32)
        keep = self.tf.minimum(self.experiment.train.average, step / (step + 10))
        for slow, fast in zip(self.averaged.weights, self.model.weights, strict=True):
            slow.assign_add((1 - keep) * (fast - slow))

    def run(self) -> float:
        """Train to the last epoch, from a checkpoint if there is one; its validation accuracy."""
        if self.saver.latest_checkpoint:
            self.saver.checkpoint.restore(self.saver.latest_checkpoint).expect_partial()
            console.print(f"{self.folder.name}: resumed after epoch {int(self.epoch)}")
        options, sampler = self.experiment.train, self._sampler()
        with Progress(console=console) as progress:
            bar = progress.add_task(self.folder.name, total=options.epochs * sampler.steps)
            progress.advance(bar, int(self.epoch) * sampler.steps)
            for number in range(int(self.epoch), options.epochs):
                sums = np.zeros(2)
                for step, batch in enumerate(sampler.epoch(number)):
                    rate = learning_rate(options, number * sampler.steps + step, sampler.steps)
                    self.optimizer.learning_rate.assign(rate)
                    sums += [float(v) for v in self._step(*batch)]
                    progress.advance(bar)
                self._end_epoch(number, rate, *(sums / sampler.steps))
        self.averaged.save_weights(str(self.folder / WEIGHTS))
        with (self.folder / CURVES).open(newline="") as file:
            *_, last = csv.DictReader(file)
        return float(last[FIELDS[-1]])

    def _sampler(self) -> Any:
        """What gives the batches of each epoch, as `_step` takes them, and their number."""
        return Sampler(self.data, self.experiment, self.lessons)

    def _end_epoch(self, number: int, rate: float, loss: float, accuracy: float) -> None:
        answers = self.data.answers
        right = predict(self.averaged, self.data.validation, self.experiment).argmax(-1) == answers
        # the mean over words, since rare words are as rare in the validation clips
        validation = float(np.mean([right[answers == word].mean() for word in np.unique(answers)]))
        values = (number + 1, f"{rate:.3g}", *(f"{v:.4f}" for v in (loss, accuracy, validation)))
        log = self.folder / CURVES
        new = number == 0 or not log.is_file()
        with log.open("w" if new else "a", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([FIELDS, values] if new else [values])
        line = "  ".join(f"{k} {v}" for k, v in zip(FIELDS, values, strict=True))
        console.print(line, soft_wrap=True)
        self.epoch.assign(number + 1)
        self.saver.save()


def as_input(windows: Any, experiment: Experiment) -> Any:
    """Int8 windows [n, columns, coefficients], or embeddings, as the network's float input."""
    import tensorflow as tf

    return tf.cast(windows, tf.float32)[..., None] * hearing(experiment).step


def predict(model: Any, windows: NDArray[Any], experiment: Experiment) -> NDArray[np.float32]:
    """Logits of the labels: what `as_input` takes to float32 [n, labels]."""
    logits, _ = model.predict(as_input(windows, experiment), batch_size=256, verbose=0)
    return np.asarray(logits)


def build(experiment: Experiment, words: int) -> Any:
    """The experiment's network in Keras, untrained."""
    from kws_train import network

    spec, heard = experiment.front_end, hearing(experiment)
    return network.build(
        experiment.network, spec, len(experiment.labels), words, (heard.rows, heard.width)
    )


def load_trained(run: Path) -> tuple[Experiment, Any]:
    """An earlier training's experiment and its network with the averaged weights."""
    weights = run / WEIGHTS
    if not weights.is_file():
        raise ConfigError(f"{weights} is missing; train it first: kws-train {run.name}")
    experiment = read_experiment(run / EXPERIMENT)
    model = build(experiment, len(json.loads((run / WORDS).read_text())))
    model.load_weights(str(weights))
    return experiment, model
