"""Training, quantisation, export and judging of keyword spotters."""

import contextlib
import os

# QKeras needs Keras 2, which TensorFlow gives under this flag; it must be set before the import
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# TensorFlow 2.21 and tflite-runtime share symbols: networks load only where the latter came first
with contextlib.suppress(ImportError):
    import tflite_runtime.interpreter  # noqa: F401
