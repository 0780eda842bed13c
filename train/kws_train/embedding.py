"""A pretrained encoder of speech, which a teacher may hear instead of columns.

Moonshine (Jeffries et al., arXiv 2410.15608) transcribes speech, and its encoder has heard far more
voices and rooms than any archive of words: 288 numbers for each 24 ms, from samples, by three
convolutions and six layers of attention over the whole window. The package carries the English one
of 8 M parameters in 8 bits; nothing that is published contains it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws.spec import FrontEnd
from kws_train.config import ConfigError
from kws_train.data import centred
from kws_train.extras import need

PACKAGE, RUNTIME = "moonshine_voice", "onnxruntime"
ENCODER = Path("assets/tiny-en/encoder_model.ort")  # in the package
RATE = FrontEnd().sample_rate  # the encoder's is the same
WIDTH = 288  # numbers of an embedding
LAYERS = ((127, 64), (7, 3), (3, 2))  # kernel and stride of its convolutions
POOLED = 2  # of its outputs, whose mean is an embedding: one each 48 ms
FULL_SCALE = 2**15
BATCH = 64  # recordings at a time


def rows(samples: int) -> int:
    """Embeddings that so many samples give."""
    for kernel, stride in LAYERS:
        samples = (samples - kernel) // stride + 1
    return samples // POOLED


def windows(waves: Sequence[NDArray[np.int16]], spec: FrontEnd) -> NDArray[np.float16]:
    """The middle of each recording as the embeddings of one window: [n, rows, WIDTH].

    A window is as long as the front-end's; attention makes each row one of the whole window.
    """
    if spec.sample_rate != RATE:
        raise ConfigError(f"the sample rate is {spec.sample_rate} Hz; the encoder expects {RATE}")
    blocks = (waves[i : i + BATCH] for i in range(0, len(waves), BATCH))
    return np.concatenate(
        [_embed(np.stack([centred(wave, spec.samples) for wave in block])) for block in blocks]
    )


def _embed(waves: NDArray[np.int16]) -> NDArray[np.float16]:
    """Recordings [n, samples] to embeddings."""
    heard = {
        "input_values": waves.astype(np.float32) / FULL_SCALE,
        "attention_mask": np.ones(waves.shape, np.int64),
    }
    (hidden,) = _encoder().run(None, heard)
    made = rows(waves.shape[1])
    pooled = hidden[:, : made * POOLED].reshape(len(waves), made, POOLED, WIDTH).mean(axis=2)
    return np.asarray(pooled, np.float16)


@cache
def _encoder() -> Any:
    """A session that any thread may run; each does so on its own core alone."""
    need(PACKAGE, RUNTIME)
    import onnxruntime

    spec = importlib.util.find_spec(PACKAGE)
    assert spec
    assert spec.origin
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(Path(spec.origin).parent / ENCODER), options)
