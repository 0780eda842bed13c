"""What all command lines do alike: one clear line for what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

from kws.errors import KwsError


def run(name: str, work: Callable[[], None]) -> int:
    """Exit status of a command's work: 0, 1 after one line on stderr, 130 after Ctrl-C."""
    try:
        work()
    except (KwsError, OSError) as error:
        sys.stderr.write(f"{name}: {' '.join(str(error).split())}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
