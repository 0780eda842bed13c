"""Training on streams: the last layers learn what to say along them, not of one window each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from kws.audio import read_audio
from kws.graph import Graph, read_graph
from kws.native import best_mfcc
from kws.native_network import NativeNetwork
from kws.plan import Plan
from kws.spec import FrontEnd
from kws.stream import stream_plan
from kws_train import augment, background, data, negatives, noise, streams
from kws_train.config import ConfigError, Experiment
from kws_train.corpus import Corpus
from kws_train.data import SILENCE, UNKNOWN, Clip, is_keyword
from kws_train.network import RELU_STEP
from kws_train.own_words import files
from kws_train.quantise import export
from kws_train.speech import running_speech
from kws_train.streams import Spoken, Stream
from kws_train.train import Trainer, console, load_trained

Codes = NDArray[np.int8]

SEED = 2000  # of the streams: other ones than those that a decision is fitted to
WORDS = 220  # of each label in each condition, as far as there are so many
OTHERS = 1400  # other words among them
LENGTH = 400  # words of a stream
TRACKS = 120  # of noise, and a quarter as many of babble
STRETCH = 300.0  # seconds of a stream without commands
HOURS = {"joined": 5.0, "noise": 2.0, "read": 1.5}  # of those, by what is heard in them
MEAN = 6  # outputs that the depthwise layer is the mean of, to begin with
STEPS = 100  # in an epoch
STRETCHES = 4  # without commands in a step
PLACES = 32  # outputs at most in which a word may be told
TOLD = 4  # of them that shall tell it, as a moving mean wants more than one
FIRST, LAST = 0.35, 0.45  # seconds after a clip's start and end: it may be told between them
AFTER = 0.5  # seconds after a clip's end in which nothing is said against its word
NEGATIVE = 0.2  # weight of an output that no command belongs to
WRONG = 0.5  # weight of a word that is taken for another
CENTRED = 0.5  # weight of the output whose window has the clip in its middle


class Heard(NamedTuple):
    """A stream as the frozen layers put it out, and its commands.

    codes    [n, width]
    places   [words, PLACES] outputs at which a word may be told
    centred  [words] the output whose last step of the layers in front has a word in its middle
    words    [words] label of each
    inside   [n] 1 where an output is of a word, or too near to one to count against it
    """

    codes: Codes
    places: NDArray[np.int32]
    centred: NDArray[np.int32]
    words: NDArray[np.int32]
    inside: NDArray[np.float32]


class OnStreams(Trainer):
    """Trains a network's last `depthwise` layer and its labels' behind frozen ones.

    The frozen layers' codes are those of the C twin, once for all streams. A word is told by its
    best outputs while it passes; all other outputs say "_unknown_" or "_silence_".
    """

    def __init__(
        self, experiment: Experiment, corpus: Corpus, folder: Path, root: Path, speech: Path | None
    ) -> None:
        """`root` is the archive, `speech` a folder of recordings without commands."""
        layers = experiment.network.layers
        labels = experiment.labels
        if layers[-1].kind != "depthwise" or experiment.network.precision == "float":
            raise ConfigError(
                "only an int8 network whose last layer is depthwise can be trained on streams"
            )
        if UNKNOWN not in labels or SILENCE not in labels:
            raise ConfigError(f"labels are {list(labels)}; expected {UNKNOWN} and {SILENCE} too")
        super().__init__(experiment, corpus, folder)
        self.root, self.speech = root, speech
        self.name = f"{layers[-1].kind}{len(layers) - 1}"
        self.rows = layers[-1].kernel[0]
        self.commands = np.array([is_keyword(label) for label in labels], np.float32)
        tails = [
            self.model.get_layer(f"{name}{part}")
            for name in (self.name, "labels")
            for part in ("", "_norm")
        ]
        self.weights = [weight for layer in tails for weight in layer.trainable_weights]
        self._begin()
        self._step = self.tf.function(self._one_step, reduce_retracing=True)

    def _begin(self) -> None:
        """The depthwise layer begins as a moving mean of the newest outputs, a bit disturbed."""
        layer, norm = (self.model.get_layer(f"{self.name}{part}") for part in ("", "_norm"))
        rng = np.random.default_rng(self.experiment.train.seed)
        kernel = rng.normal(0, 0.05, layer.depthwise_kernel.shape)
        kernel[-MEAN:] += 0.5
        layer.set_weights([kernel])
        gain, shift, mean, variance = norm.get_weights()
        gain[:] = 2 / MEAN
        norm.set_weights([gain, shift, mean, variance])
        self.averaged.set_weights(self.model.get_weights())
        self.optimizer.build(self.weights)

    def _one_step(self, words: Any, places: Any, centred: Any, answers: Any, *rest: Any) -> Any:
        """One update; returns the loss and the share of words that are told where they are."""
        tf = self.tf
        inside, without = rest
        hot = tf.one_hot(answers, len(self.commands))
        commands = tf.constant(self.commands)
        with tf.GradientTape() as tape:
            said, silent = self._said(words), self._said(without)
            at = tf.gather(said, places)
            right = tf.reduce_sum(at * hot[:, None], -1)
            loss = -tf.reduce_mean(tf.math.top_k(right, TOLD).values)
            other = tf.reduce_sum(tf.exp(at) * (1 - hot[:, None]) * commands, -1)
            against = -tf.math.log1p(-tf.minimum(other, 0.999))
            loss += WRONG * tf.reduce_mean(tf.math.top_k(against, TOLD).values)
            middle = tf.gather(said, centred)
            loss -= CENTRED * tf.reduce_mean(tf.reduce_sum(middle * hot, -1))
            count = tf.cast(tf.shape(answers)[0], tf.float32)
            beside = tf.reduce_sum(self._nothing(said) * (1 - inside)) / count
            rate = self.negatives_per_word * tf.reduce_mean(self._nothing(silent))
            loss += NEGATIVE * (beside + rate)
        gradients = tape.gradient(loss, self.weights)
        self.optimizer.apply_gradients(zip(gradients, self.weights, strict=True))
        keep = self.experiment.train.average
        for slow, fast in zip(self.averaged.weights, self.model.weights, strict=True):
            slow.assign_add((1 - keep) * (fast - slow))
        told = tf.argmax(middle, -1, answers.dtype) == answers
        return loss, tf.reduce_mean(tf.cast(told, tf.float32))

    def _said(self, codes: Any) -> Any:
        """Codes of the frozen layers [n, width] to log posteriors [n - rows + 1, labels]."""
        layer = self.model.get_layer
        x = (self.tf.cast(codes, self.tf.float32) + 128.0) * RELU_STEP
        x = layer(self.name)(x[None, :, None])
        x = layer(f"{self.name}_norm")(x, training=False)
        x = layer(f"{self.name}_code")(x)[0, :, 0]
        x = layer("labels_norm")(layer("labels")(x)[..., None], training=False)
        return self.tf.nn.log_softmax(layer("labels_code")(x[..., 0]))

    def _nothing(self, said: Any) -> Any:
        """What it costs to say a command: minus the log of all other labels' posteriors."""
        return -self.tf.reduce_logsumexp(said - 1e9 * self.tf.constant(self.commands), -1)

    def _sampler(self) -> StreamSampler:
        plan = frozen(*load_trained(self.folder.parent / self.experiment.train.initial))
        words, without = hear(plan, self.experiment, self.root, self.speech, self.rows)
        count = sum(len(heard.words) for heard in words)
        self.negatives_per_word = sum(map(len, without)) / max(count, 1)
        return StreamSampler(words, without, self.experiment.train.seed)


class StreamSampler:
    """Draws a stream with commands and some stretches without for each step."""

    def __init__(self, words: Sequence[Heard], without: Sequence[Codes], seed: int) -> None:
        self.words, self.without, self.seed, self.steps = words, without, seed, STEPS

    def epoch(self, number: int) -> Iterator[tuple[Any, ...]]:
        """The batches of one epoch, which depend on the seed and its number alone."""
        rng = np.random.default_rng([self.seed, number])
        for _ in range(self.steps):
            chosen = rng.integers(len(self.without), size=STRETCHES)
            yield (
                *self.words[rng.integers(len(self.words))],
                np.concatenate([self.without[i] for i in chosen]),
            )


def frozen(experiment: Experiment, model: Any) -> Plan:
    """What lies in front of a trained network's labels, as a plan over a stream."""
    graph = read_graph(export(experiment, model))
    last = max(i for i, node in enumerate(graph.nodes) if node.op == "FULLY_CONNECTED")
    source = graph.nodes[last].inputs[0]
    cut = Graph(graph.description, graph.tensors, graph.nodes[:last], graph.inputs, (source,))
    return stream_plan(cut)


def hear(
    plan: Plan, experiment: Experiment, root: Path, speech: Path | None, rows: int
) -> tuple[list[Heard], list[Codes]]:
    """Streams with commands and stretches without, of training clips, as `plan` hears them.

    `rows` are the outputs that the layer behind `plan` reads at once.
    """
    spec = experiment.front_end
    clips = data.speech_commands(root)["training"]
    rng = np.random.default_rng(SEED)
    recordings = augment.training_noises(data.noises(root, spec.sample_rate))
    noises = background.tracks(recordings, TRACKS, spec.sample_rate, rng)
    spliced = list(_with_commands(clips, experiment.labels, noises, spec, rng))
    waves = list(_without(clips, experiment.labels, noises, spec, speech, rng))
    sounds = [*(stream.samples for stream in spliced), *waves]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda wave: _run(plan, spec, wave), sounds)
        heard = list(track(said, "Hearing streams", len(sounds), console=console))
    known = [
        _placed(codes, stream.spoken, experiment, plan, rows)
        for codes, stream in zip(heard, spliced, strict=False)
    ]
    return known, [codes for codes in heard[len(spliced) :] if len(codes) > rows]


def _with_commands(
    clips: Sequence[Clip],
    labels: Sequence[str],
    noises: Sequence[noise.Wave],
    spec: FrontEnd,
    rng: noise.Rng,
) -> Iterator[Stream]:
    """Commands and other words, one at a time, in silence and in noise."""
    shuffled = [clips[i] for i in rng.permutation(len(clips))]
    for snr_db in streams.SNRS_DB:
        drawn: list[Clip] = []
        for label in labels:
            own = [clip for clip in shuffled if clip.word == label]
            drawn += [own[i] for i in rng.permutation(len(own))[:WORDS]]
        other = [clip for clip in shuffled if clip.word not in labels]
        drawn += [other[i] for i in rng.permutation(len(other))[:OTHERS]]
        drawn = [drawn[i] for i in rng.permutation(len(drawn))]
        for start in range(0, len(drawn), LENGTH):
            kept, waves = data.load(drawn[start : start + LENGTH], spec.sample_rate)
            words = [(clip.word, wave) for clip, wave in zip(kept, waves, strict=True)]
            seed = int(rng.integers(2**31))
            yield streams.splice(words, spec.sample_rate, noises, snr_db, seed)


def _without(
    clips: Sequence[Clip],
    labels: Sequence[str],
    noises: Sequence[noise.Wave],
    spec: FrontEnd,
    speech: Path | None,
    rng: noise.Rng,
) -> Iterator[noise.Wave]:
    """What no command is in: other words joined, noise and babble, read sentences, speech."""
    rate = spec.sample_rate
    _, waves = data.load([clip for clip in clips if clip.word not in labels], rate)
    alone = [*noises, *background.babbles(waves, TRACKS // 4, rate, rng)]
    for kind, hours in HOURS.items():
        for number in range(round(hours * 3600 / STRETCH)):
            if kind == "joined":
                yield negatives.joined_words(waves, noises, rate, STRETCH, SEED + number)
            elif kind == "noise":
                yield negatives.noise_alone(alone, rate, STRETCH, SEED + number)
            else:
                yield running_speech(STRETCH, rate, SEED + number, labels)
    for path in files(speech.rglob("*")) if speech else ():
        wave = read_audio(path, rate)
        for start in range(0, len(wave), int(STRETCH * rate)):
            yield wave[start : start + int(STRETCH * rate)]


def _run(plan: Plan, spec: FrontEnd, wave: noise.Wave) -> Codes:
    """What a plan puts out along a stream: [n, width]."""
    network = NativeNetwork(plan)
    said = (network.push(column) for column in best_mfcc(spec).clip(wave))
    kept = [codes for codes in said if codes is not None]
    return np.array(kept, np.int8).reshape(len(kept), -1)


def _placed(
    codes: Codes, spoken: Sequence[Spoken], experiment: Experiment, plan: Plan, rows: int
) -> Heard:
    """Where the words of a stream lie among the outputs of the layer behind `plan`."""
    spec, labels = experiment.front_end, experiment.labels
    rate, hop = spec.sample_rate, spec.hop_seconds
    ends = hop * (plan.columns + plan.stride * (rows - 1 + np.arange(len(codes) - rows + 1)))
    inside = np.zeros(len(ends), np.float32)
    places, centred, words = [], [], []
    for word in spoken:
        if word.word not in labels:
            continue
        start, end = word.start / rate, word.end / rate
        inside[(ends >= start) & (ends <= end + AFTER)] = 1
        at = np.flatnonzero((ends >= start + FIRST) & (ends <= end + LAST))
        if len(at) < TOLD:
            continue
        places.append(np.resize(at, PLACES) if len(at) < PLACES else at[-PLACES:])
        middle = (start + end + plan.columns * hop) / 2
        centred.append(np.abs(ends - middle).argmin())
        words.append(labels.index(word.word))
    return Heard(
        codes,
        np.array(places, np.int32).reshape(-1, PLACES),
        np.array(centred, np.int32),
        np.array(words, np.int32),
        inside,
    )
