"""Changing a model's manifest after a long measurement."""

from __future__ import annotations

from collections.abc import Callable

from kws.artefact import Artefact, Manifest
from kws.errors import ArtefactError


def amend(artefact: Artefact, change: Callable[[Manifest], Manifest]) -> Artefact:
    """Write a changed manifest of a model that was loaded a while ago.

    The change is made to what is on disk now. Raises `ArtefactError` where that is another model
    or another decision than what was measured.
    """
    found = Artefact.load(artefact.folder)
    for what in ("model_sha256", "decision"):
        if getattr(found.manifest, what) != getattr(artefact.manifest, what):
            raise ArtefactError(
                f"{artefact.folder}: its {what} changed while it was being measured, so that the "
                "figures are of no use: run the command again"
            )
    return Artefact.save(found.folder, change(found.manifest), found.model)
