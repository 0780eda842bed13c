"""What all command lines do alike: one clear line for what goes wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from kws.errors import KwsError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line too."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def run(name: str, work: Callable[[], None]) -> int:
    """Exit status of a command's work: 0, 1 after one line on stderr, 130 after Ctrl-C."""
    try:
        work()
    except KwsError as error:
        return _fail(name, str(error))
    except OSError as error:
        return _fail(name, f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(name: str, why: str) -> int:
    sys.stderr.write(f"{name}: {' '.join(why.split())}\n")
    return 1
