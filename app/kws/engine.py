"""Running a model's network on one window of columns."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kws.artefact import Artefact
from kws.errors import ArtefactError, RuntimeMissing
from kws.quiet import quiet

_INTERPRETERS = (
    ("tflite_runtime", "tflite_runtime.interpreter"),
    ("ai_edge_litert", "ai_edge_litert.interpreter"),
)


class Engine(Protocol):
    """Whatever computes posteriors."""

    def infer(self, window: NDArray[np.int8]) -> NDArray[np.int8]:
        """int8 [columns, coefficients] to int8 [labels]: posterior = (code + 128) / 256."""
        ...


class End(NamedTuple):
    """What goes into a network or comes out of it."""

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero: int


class TfliteEngine:
    """TensorFlow Lite's interpreter: tflite-runtime or ai-edge-litert, whichever is installed."""

    def __init__(self, model: bytes, threads: int = 1) -> None:
        """Raises `RuntimeMissing` without an interpreter, `ArtefactError` on a bad network."""
        interpreter = interpreter_class()
        try:
            with quiet():
                self._interpreter = interpreter(model_content=model, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            why = str(error).splitlines()[0] if str(error) else "unreadable"
            raise ArtefactError(f"the interpreter refuses the network: {why}") from error
        self.input = self._interpreter.get_input_details()[0]
        self.output = self._interpreter.get_output_details()[0]

    def infer(self, window: NDArray[np.int8]) -> NDArray[np.int8]:
        """int8 [columns, coefficients] to int8 [labels]: posterior = (code + 128) / 256."""
        self._interpreter.set_tensor(self.input["index"], window[np.newaxis, :, :, np.newaxis])
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self.output["index"])[0], np.int8)


def open_engine(artefact: Artefact, threads: int = 1) -> TfliteEngine:
    """The engine of an artefact; raises `ArtefactError` where network and manifest disagree."""
    engine = TfliteEngine(artefact.model, threads)
    check_ends(artefact, *(_end(tensor) for tensor in (engine.input, engine.output)))
    return engine


def check_ends(artefact: Artefact, source: End, output: End) -> None:
    """Raises `ArtefactError` where a network's input and output are not the manifest's."""
    spec, labels = artefact.manifest.front_end, artefact.manifest.labels
    for found, what, shape, scale, zero in (
        (source, "input", (1, spec.columns, spec.coefficients, 1), spec.step, 0),
        (output, "output", (1, len(labels)), 1 / 256, -128),
    ):
        expected = End("int8", shape, float(np.float32(scale)), zero)
        if found != expected:
            raise ArtefactError(
                f"{artefact.folder}: the network's {what} (type, shape, scale, zero point) is "
                f"{tuple(found)}, the manifest's {tuple(expected)}: export the model again"
            )


def _end(tensor: dict[str, Any]) -> End:
    shape = tuple(int(size) for size in tensor["shape"])
    return End(np.dtype(tensor["dtype"]).name, shape, *tensor["quantization"])


def interpreter_class() -> Any:
    """The installed interpreter's class; raises `RuntimeMissing` where there is none that fits."""
    found = [module for package, module in _INTERPRETERS if importlib.util.find_spec(package)]
    if not _numpy_fits_tflite_runtime() and found:
        found = [module for module in found if not module.startswith("tflite_runtime")]
        if not found:
            raise RuntimeMissing(
                f"tflite-runtime does not fit numpy {np.__version__}: pip install 'numpy<2'"
            )
    if not found:
        raise RuntimeMissing(f"no TensorFlow Lite interpreter is installed: {_advice()}")
    try:
        return importlib.import_module(found[0]).Interpreter
    except (ImportError, AttributeError, OSError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RuntimeMissing(f"{found[0]} does not load ({why}): {_advice()}") from error


def _numpy_fits_tflite_runtime() -> bool:
    """Its extension module is built against numpy 1, which its metadata does not say."""
    return int(np.__version__.split(".")[0]) < 2


def _advice() -> str:
    if sys.version_info < (3, 12) and sys.platform == "linux":
        return "pip install tflite-runtime 'numpy<2'"
    return "pip install ai-edge-litert"
