"""A pretrained embedding of speech, which a teacher may hear instead of columns.

Lin et al., "Training Keyword Spotters with Limited and Synthesized Speech Data" (arXiv 2002.01322),
trained it on 200 million clips for 5,000 keywords: 96 numbers for each 0.775 s, every 0.08 s, from
a mel spectrogram of 32 bands. openWakeWord's packages carry the network; nothing that is published
contains it.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.engine import interpreter_class
from kws.quiet import quiet
from kws.spec import FrontEnd
from kws_train.augment import Augmentation
from kws_train.config import ConfigError
from kws_train.data import centred
from kws_train.extras import need

PACKAGE = "pyopen_wakeword"
MELS, VALUES = "melspectrogram", "embedding_model"
RATE = FrontEnd().sample_rate  # the embedding's is the same
WIDTH = 96  # numbers of an embedding
FRAME, HOP = 2**9, 160  # samples of a frame of the spectrogram, and from one to the next
FRAMES, STEP = 76, 8  # of an embedding, and from one to the next
BATCH = 64  # recordings at a time
SPREAD = 16.0  # about the numbers' standard deviation over speech

_own = threading.local()


def rows(samples: int) -> int:
    """Embeddings that so many samples give."""
    return (((samples - FRAME) // HOP + 1) - FRAMES) // STEP + 1


def window(spec: FrontEnd) -> int:
    """Embeddings that cover the front-end's window."""
    return -(-(((spec.samples - FRAME) // HOP + 1) - FRAMES) // STEP) + 1


def starts(columns: NDArray[np.int32], spec: FrontEnd, options: Augmentation) -> NDArray[np.int32]:
    """The first and the last embedding that windows may start at: [n, 2], likewise of columns.

    The one in the middle always may. Raises `ConfigError` where a version is no longer than the
    window.
    """
    middle = (rows(options.samples(spec)) - window(spec)) // 2
    if middle < 0:
        raise ConfigError(
            f"the margin is {options.margin} columns; expected a few more, for a window of "
            f"embeddings, which ends up to {STEP * HOP} samples later than that of columns"
        )
    low, high = (columns * spec.hop / (STEP * HOP)).T
    low, high = np.minimum(np.ceil(low), middle), np.clip(np.floor(high), middle, 2 * middle)
    return np.asarray(np.stack([low, high], axis=1), np.int32)


def windows(waves: Sequence[NDArray[np.int16]], spec: FrontEnd) -> NDArray[np.float16]:
    """The middle of each recording as the embeddings of one window: [n, window, WIDTH]."""
    length = FRAME + ((window(spec) - 1) * STEP + FRAMES - 1) * HOP
    parts = (
        [centred(wave, length) for wave in waves[i : i + BATCH]]
        for i in range(0, len(waves), BATCH)
    )
    return np.concatenate([embed(part, spec.sample_rate) for part in parts])


def embed(waves: Sequence[NDArray[np.int16]], rate: int) -> NDArray[np.float16]:
    """Recordings of one length to embeddings: int16 [n, samples] to float16 [n, rows, WIDTH]."""
    if rate != RATE:
        raise ConfigError(f"the sample rate is {rate} Hz; the embedding expects {RATE}")
    mels = _run(MELS, np.asarray(waves, np.float32))[:, 0]
    return np.asarray(_run(VALUES, mels[..., None] / 10 + 2)[:, :, 0], np.float16)


def _run(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """One of the two networks, with an interpreter for each thread and shape."""
    made: dict[Any, Any] = _own.__dict__.setdefault("made", {})
    if (name, values.shape) not in made:
        need(PACKAGE)
        spec = importlib.util.find_spec(PACKAGE)
        assert spec
        assert spec.origin
        path = Path(spec.origin).with_name("models") / f"{name}.tflite"
        with quiet():
            new = interpreter_class()(model_path=str(path), num_threads=1)
            new.resize_tensor_input(new.get_input_details()[0]["index"], values.shape)
            new.allocate_tensors()
        made[name, values.shape] = new
    interpreter = made[name, values.shape]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
