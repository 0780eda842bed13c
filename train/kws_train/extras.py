"""The packages that only training and its plots need, asked for before they are imported."""

from __future__ import annotations

import importlib.util

from kws.errors import RuntimeMissing

TRAINING = ("tensorflow", "tf_keras", "qkeras", "pyparsing", "pyroomacoustics")


def missing(*packages: str) -> list[str]:
    """Those of the packages that are not installed; none is imported."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def need(*packages: str) -> None:
    """Raise `RuntimeMissing`, with the command that mends it, unless all packages are installed."""
    if absent := missing(*packages):
        raise RuntimeMissing(
            f"this needs the training extra, of which {', '.join(absent)} is not installed: "
            "pip install 'kws-listen[train]' (in a checkout: pip install -e '.[train]')"
        )
