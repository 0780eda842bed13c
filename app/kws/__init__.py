"""A streaming keyword spotter: the same samples give the same bytes everywhere."""

__version__ = "0.1.0"
