"""Write networks.json, what TFLite Micro computes: python tests/vectors/make_networks.py."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from kws.graph import Graph  # noqa: E402
from kws_train.write_tflite import write_graph  # noqa: E402
from networks import cut, random_batch, random_int8, run_micro  # noqa: E402

CASES, LARGEST = 12, 6000


def case(graph: Graph, seed: int) -> dict[str, Any]:
    """A network with inputs and outputs, those before the softmax among them."""
    model = write_graph(graph)
    batch = random_batch(graph, np.random.default_rng(seed), 3)
    return {
        "name": f"{seed}: {' '.join(node.op for node in graph.nodes)}",
        "model": base64.b64encode(model).decode(),
        "inputs": batch.tolist(),
        "logits": run_micro(cut(graph, len(graph.nodes) - 1), batch).tolist(),
        "posteriors": run_micro(model, batch).tolist(),
    }


def main() -> None:
    """Write the file, with the versions of what computed it."""
    cases: list[dict[str, Any]] = []
    seed = 0
    while len(cases) < CASES:
        graph = random_int8(np.random.default_rng(seed), "a test vector")
        if len(write_graph(graph)) < LARGEST:
            cases.append(case(graph, seed))
        seed += 1
    packages = ("tflite-micro", "numpy", "flatbuffers", "tflite")
    made_by = {"script": "tests/vectors/make_networks.py"} | {
        name: importlib.metadata.version(name) for name in packages
    }
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = f'{{"made_by":{json.dumps(made_by)},\n"cases":[\n{lines}\n]}}\n'
    (FOLDER / "networks.json").write_text(text)


if __name__ == "__main__":
    main()
