"""Training on streams: a network learns what to say along them, not of one window each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kws.decide import is_keyword
from kws.spec import FrontEnd
from kws_train.config import ConfigError, Experiment, read_experiment
from kws_train.corpus import Corpus
from kws_train.data import SILENCE, UNKNOWN
from kws_train.stream_corpus import COLUMNS, StreamCorpus
from kws_train.trainer import EXPERIMENT, Trainer, as_input

STEPS = 120  # in an epoch
BATCH = 16  # streams with commands in a step, and as many without
# of the latter, of each kind, in the order of `StreamCorpus`
SHARES = {"joined": 0.15, "noise": 0.15, "sentences": 0.05, "speech": 0.65}
TOLD = 4  # outputs that shall tell a word, as a moving mean wants more than one
FIRST, LAST = 0.35, 0.45  # seconds after a clip's start and end: it may be told between them
PLACES = 20  # outputs at most from the one to the other
AFTER = 0.5  # seconds after a clip's end in which nothing is said against its word
NEGATIVE = 0.2  # weight of an output that no command belongs to
OUTPUTS_PER_WORD = 300.0  # of the streams without commands
APART = 2.0  # weight of telling streams of noise alone from those in which something is said
RARE = 4.0  # and of an output in noise alone there, since there are few of them
WRONG = 0.5  # weight of a word that is taken for another
CENTRED = 0.5  # weight of the output whose window has the clip in its middle
MEAN = 6  # outputs that a new depthwise layer is the mean of, to begin with


class Batch(NamedTuple):
    """What one step reads: streams with commands, then as many without.

    columns  [2 BATCH, COLUMNS, coefficients]
    words    [BATCH, words] label of each command, -1 where there is none
    places   [BATCH, words, PLACES] outputs at which it may be told, -1 beyond them
    middle   [BATCH, words] the output whose window has it in its middle
    free     [BATCH, outputs] 1 where an output is of no command
    silent   [2 BATCH] 1 where a stream is of noise alone
    soft     [2 BATCH, outputs, labels] what teachers say; without any, [2 BATCH, 0, labels]
    """

    columns: NDArray[np.int8]
    words: NDArray[np.int32]
    places: NDArray[np.int32]
    middle: NDArray[np.int32]
    free: NDArray[np.float32]
    silent: NDArray[np.float32]
    soft: NDArray[np.float16]


class OnStreams(Trainer):
    """Trains a network on streams, all its layers along them.

    A word is told by its best outputs while it passes and by the one in whose window it is in the
    middle; all other outputs say "_unknown_" or "_silence_", as `apart` parts them. With teachers,
    every output learns what they say there as well.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: Corpus,
        folder: Path,
        streams: StreamCorpus,
        lessons: NDArray[np.float16] | None = None,
    ) -> None:
        """`lessons` are what the experiment's teachers say along streams, see `lessons_along`."""
        labels, config = experiment.labels, experiment.network
        if UNKNOWN not in labels or SILENCE not in labels:
            raise ConfigError(f"labels are {list(labels)}; expected {UNKNOWN} and {SILENCE} too")
        from kws_train import along

        self.stride = along.stride(config)
        super().__init__(experiment, data, folder, lessons)
        self.streams = streams
        self.commands = np.array([is_keyword(label) for label in labels], np.float32)
        self.others = [labels.index(label) for label in (UNKNOWN, SILENCE)]
        head = {weight.ref() for weight in self.model.get_layer("words").trainable_weights}
        self.weights = [w for w in self.model.trainable_weights if w.ref() not in head]
        begun = read_experiment(folder.parent / experiment.train.initial / EXPERIMENT).network
        if config.layers[-1].kind == "depthwise" and begun.layers[-1] != config.layers[-1]:
            self._begin(f"depthwise{len(config.layers) - 1}")
        self._step = self.tf.function(self._along)

    def _begin(self, name: str) -> None:
        """Make a new depthwise layer a moving mean of the newest outputs, a bit disturbed."""
        layer, norm = self.model.get_layer(name), self.model.get_layer(f"{name}_norm")
        rng = np.random.default_rng(self.experiment.train.seed)
        kernel = rng.normal(0, 0.05, layer.depthwise_kernel.shape)
        kernel[-MEAN:] += 0.5
        layer.set_weights([kernel])
        gain, *rest = norm.get_weights()
        norm.set_weights([np.full_like(gain, 2 / MEAN), *rest])
        self.averaged.set_weights(self.model.get_weights())

    def _sampler(self) -> StreamSampler:
        return StreamSampler(self.streams, self.experiment, self.stride, self.lessons)

    def _along(self, *parts: Any) -> Any:
        """One update by the parts of a `Batch`.

        Returns the loss and the share of words that their own windows tell.
        """
        from kws_train import along

        tf, options, batch = self.tf, self.experiment.train, Batch(*parts)
        x = as_input(batch.columns, self.experiment)
        with tf.GradientTape() as tape:
            logits = along.outputs(self.experiment.network, self.model, x)
            logits = logits[:, : batch.free.shape[1]]
            said = tf.nn.log_softmax(logits)
            nothing = -tf.reduce_logsumexp(said - 1e9 * self.commands, -1)
            told, right = self._told(said[:BATCH], batch)
            count = tf.maximum(tf.reduce_sum(tf.cast(batch.words >= 0, tf.float32)), 1.0)
            beside = tf.reduce_sum(nothing[:BATCH] * batch.free) / count
            without = OUTPUTS_PER_WORD * tf.reduce_mean(nothing[BATCH:])
            loss = told / count + NEGATIVE * (beside + without)
            if self.lessons is not None:
                cost = learned(logits, batch.soft, self.commands, options.temperature)
                loss = (1 - options.distil) * loss + options.distil * NEGATIVE * cost / count
            loss += APART * apart(tf.gather(logits, self.others, axis=-1), batch.silent)
        gradients = tape.gradient(loss, self.weights)
        self.optimizer.apply_gradients(zip(gradients, self.weights, strict=True))
        self._average()
        return loss, right / count

    def _told(self, said: Any, batch: Batch) -> tuple[Any, Any]:
        """What it costs how all words are told, and how many of them their own windows tell.

        `said` are log posteriors [BATCH, outputs, labels].
        """
        tf, words, places = self.tf, batch.words, batch.places
        known = tf.cast(words >= 0, tf.float32)
        hot = tf.one_hot(words, len(self.commands))  # nothing, where there is no word
        at = tf.gather(said, tf.maximum(places, 0), batch_dims=1)  # [n, words, PLACES, labels]
        at -= 1e9 * tf.cast(places < 0, tf.float32)[..., None]
        right = tf.reduce_sum(at * hot[:, :, None], -1)
        cost = -tf.reduce_mean(tf.math.top_k(right, TOLD).values, -1)
        other = tf.reduce_sum(tf.exp(at) * (1 - hot[:, :, None]) * self.commands, -1)
        wrong = -tf.math.log1p(-tf.minimum(other, 0.999))
        cost += WRONG * tf.reduce_mean(tf.math.top_k(wrong, TOLD).values, -1)
        centred = tf.gather(said, batch.middle, batch_dims=1)
        cost -= CENTRED * tf.reduce_sum(centred * hot, -1)
        hits = tf.cast(tf.argmax(centred, -1, words.dtype) == words, tf.float32)
        return tf.reduce_sum(known * cost), tf.reduce_sum(known * hits)


def learned(logits: Any, soft: Any, commands: NDArray[np.float32], heat: float) -> Any:
    """What it costs that outputs are not the teachers', however they part what is no command.

    `logits` and `soft`, posteriors at the temperature `heat`, are [n, outputs, labels]; `commands`
    is 1 for labels that are one.
    """
    import tensorflow as tf

    said = tf.nn.log_softmax(logits / heat)
    nothing = tf.reduce_logsumexp(said - 1e9 * commands, -1, keepdims=True)
    said = tf.where(commands > 0, said, nothing)
    return -(heat**2) * tf.reduce_sum(tf.cast(soft, tf.float32) * said)


def apart(logits: Any, silent: Any) -> Any:
    """What it costs that outputs do not tell "_silence_" of noise alone, "_unknown_" of the rest.

    `logits` of "_unknown_" and "_silence_" are [n, outputs, 2]; `silent` [n] is 1 for noise.
    """
    import tensorflow as tf

    more = logits[..., 1] - logits[..., 0]
    said = tf.broadcast_to(silent[:, None], tf.shape(more))
    return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(said, more, RARE))


class StreamSampler:
    """Draws streams with commands and streams without for each step."""

    def __init__(
        self,
        streams: StreamCorpus,
        experiment: Experiment,
        stride: int,
        lessons: NDArray[np.float16] | None = None,
    ) -> None:
        self.streams, self.seed, self.steps = streams, experiment.train.seed, STEPS
        self.spec, self.stride = experiment.front_end, stride
        none = (len(streams.columns), 0, len(experiment.labels))
        self.lessons = np.empty(none, np.float16) if lessons is None else lessons

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, which depend on the seed and its number alone."""
        rng = np.random.default_rng([self.seed, number])
        columns, ends, words, spoken = self.streams
        shares = np.where(np.diff(ends) > 0, list(SHARES.values()), 0)
        for _ in range(self.steps):
            known = rng.integers(len(words), size=BATCH)
            kind = rng.choice(len(shares), BATCH, p=shares / shares.sum())
            without = rng.integers(ends[kind], ends[kind + 1])
            where = placed(words[known], spoken[known], self.spec, self.stride)
            rows = np.concatenate([known, without])
            noise = kind == list(SHARES).index("noise")
            silent = np.concatenate([np.zeros_like(noise), noise]).astype(np.float32)
            yield Batch(columns[rows], *where, silent, self.lessons[rows])


def placed(
    words: NDArray[np.int32], spoken: NDArray[np.int32], spec: FrontEnd, stride: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """`words`, `places`, `middle` and `free` of a `Batch`; a word that no output hears is -1.

    Words and samples as in `StreamCorpus`; an output hears every window that begins `stride`
    columns after the last.
    """
    rate = spec.sample_rate
    columns = np.arange(spec.columns, COLUMNS + 1, stride)
    ends = (columns - 1) * spec.hop + spec.window  # of each output's window
    words = words.copy()
    places = np.full((*words.shape, PLACES), -1, np.int32)
    middle = np.zeros(words.shape, np.int32)
    free = np.ones((len(words), len(ends)), np.float32)
    for row, word in zip(*np.nonzero(words >= 0), strict=True):
        start, end = spoken[row, word]
        free[row, (ends >= start) & (ends <= end + AFTER * rate)] = 0
        at = np.flatnonzero((ends >= start + FIRST * rate) & (ends <= end + LAST * rate))[-PLACES:]
        if len(at) < TOLD:
            words[row, word] = -1
            continue
        places[row, word, : len(at)] = at
        middle[row, word] = np.abs(ends - (start + end + spec.samples) / 2).argmin()
    return words, places, middle, free
