"""kws-eval on clips: accuracies, words, confusions and costs, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kws.artefact import Artefact
from kws.graph import Graph, flash_bytes, macs, ram_estimate, read_graph
from kws_train.judge import Judgement


def report(artefact: Artefact, judged: Judgement, folder: str) -> Iterator[str]:
    """Everything that is said of a model and the clips of a folder, line by line."""
    graph = read_graph(artefact.model)
    yield f"{artefact.manifest.name} on {judged.clips:,} clips of {folder}"
    yield from accuracy_lines(judged)
    yield "brackets are 95 % intervals (Wilson)"
    yield ""
    yield from word_table(judged)
    yield ""
    yield from confusion_table(judged)
    yield ""
    yield from cost_lines(graph)
    yield from left_out(judged)


def as_json(artefact: Artefact, judged: Judgement) -> dict[str, Any]:
    """The figures as plain JSON values.

    `accuracy`, `interval` and `per_word` are of the keywords' clips, any label heard; `closed_set`
    of the same clips, keywords alone heard; `all_classes` of the clips of every label, null for a
    model whose labels are all keywords.
    """
    graph, commands, whole = read_graph(artefact.model), judged.accuracy(), judged.all_classes()
    return {
        "model": artefact.manifest.name,
        "clips": commands.total,
        "accuracy": commands.value,
        "interval": list(commands.interval),
        "closed_set": judged.closed_set().to_json(),
        "all_classes": whole.to_json() if whole else None,
        "per_word": {word: share.value for word, share in judged.per_word().items()},
        "flash_bytes": flash_bytes(graph),
        "macs": macs(graph),
    }


def accuracy_lines(judged: Judgement) -> Iterator[str]:
    """One line for each way to ask: commands as a closed set, commands, all classes."""
    words, whole = len(judged.per_word()), judged.all_classes()
    lines = [(f"{words} commands, closed set", judged.closed_set())]
    if whole is not None:
        lines.append((f"{words} commands, all outputs", judged.accuracy()))
        lines.append((f"{judged.classes} classes, {whole.total:,} clips", whole))
    for what, share in lines:
        yield f"accuracy over {what:<27}{share}"


def word_table(judged: Judgement) -> Iterator[str]:
    """One line a label with clips: those recognised, their share and its interval."""
    yield f"{'word':<10}{'clips':>6}{'right':>7}   accuracy"
    for word in judged.labels:
        if (share := judged.accuracy([word])).total:
            yield f"{word:<10}{share.total:>6}{share.hits:>7}   {share}"


def confusion_table(judged: Judgement) -> Iterator[str]:
    """One line a label with clips, one column a label that was heard."""
    width = max(6, *(len(label) + 2 for label in judged.labels))
    yield "spoken \\ heard".ljust(16) + "".join(f"{label:>{width}}" for label in judged.labels)
    for label, row in zip(judged.labels, judged.confusion(), strict=True):
        if row.sum():
            yield f"{label:<16}" + "".join(f"{count or '.':>{width}}" for count in row)


def cost_lines(graph: Graph) -> Iterator[str]:
    """What the network costs on a device."""
    yield f"flash   {flash_bytes(graph):>12,} bytes  weights, biases, scales; binary weights packed"
    yield f"RAM     {ram_estimate(graph):>12,} bytes  activations alive at once, an estimate"
    yield f"MACs    {macs(graph):>12,} an inference"


def left_out(judged: Judgement) -> Iterator[str]:
    """What was not scored, and what could not be read."""
    if unscored := judged.unscored:
        words = ", ".join(f"{word} {clips}" for word, clips in unscored.items())
        yield f"not scored: {sum(unscored.values()):,} clips without a label of the model ({words})"
    if judged.unreadable:
        yield f"not readable, skipped: {len(judged.unreadable)} clips (named on stderr)"
