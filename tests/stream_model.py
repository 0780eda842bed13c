"""A small model without padding in time, of random weights: a decision every second column."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact, Manifest
from kws_train.export_tflite import Builder, Handle, Quant
from tiny_model import DECISION, LABELS, SPEC

STRIDE = 2
OUT = Quant(1 / 8, 0)


def stream_artefact(folder: Path, hop: int = STRIDE) -> Artefact:
    """Convolutions in time with a pool between them, and a dense layer that fires a lot."""
    decision = dataclasses.replace(DECISION, hop=hop, smoothing=2)
    manifest = Manifest(name=folder.name, labels=LABELS, front_end=SPEC, decision=decision)
    builder = Builder((1, SPEC.columns, SPEC.coefficients, 1), Quant(SPEC.step, 0))
    random = np.random.default_rng(3)

    def weights(*shape: int) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
        return random.integers(-127, 128, shape, np.int8), np.zeros(shape[0], np.int32)

    def scale(x: Handle, inputs: int) -> float:
        """Codes of a spread of 30 go in, and as many come out."""
        return OUT.scale / x.quant.scale / (73 * math.sqrt(inputs))

    x = builder.input
    for rows, width, channels in ((3, SPEC.coefficients, 6), (2, 1, 8)):
        one = weights(channels, rows, width, x.shape[3])
        one_scale = scale(x, rows * width * x.shape[3])
        x = builder.conv(x, *one, weight_scale=one_scale, out=OUT, padding="VALID")
        x = builder.max_pool(x, (STRIDE, 1)) if rows == 3 else x
    inputs = math.prod(x.shape)
    x = builder.dense(x, *weights(len(LABELS), inputs), weight_scale=scale(x, inputs), out=OUT)
    return Artefact.save(folder, manifest, builder.finish(builder.softmax(x), "a stream"))
