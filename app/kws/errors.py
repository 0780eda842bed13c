"""The errors that a person can do something about."""

from __future__ import annotations


class KwsError(Exception):
    """Base of all: the message says what, which value, what was expected and what to do."""


class SpecError(KwsError):
    """A front-end number that cannot be."""


class ArtefactError(KwsError):
    """A model folder that is missing, damaged or of another version."""


class AudioError(KwsError):
    """A recording or an audio device that cannot be read."""


class RuntimeMissing(KwsError):
    """A package or a system library that is not installed, or does not fit."""


class MismatchError(KwsError):
    """C code that computes something else than the model it was made from."""
