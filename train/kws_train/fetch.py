"""One large file over HTTP: resumed where it stopped, checked before it counts."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kws.errors import KwsError

BLOCK = 1 << 20
RETRIES = 5  # in a row without a single byte; then it is the network
_TIMEOUT = 30.0
_BROKEN = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)

Step = Callable[[int], None]  # told the bytes done so far


class FetchError(KwsError):
    """A file that cannot be fetched, or is not the one that was expected."""


class Unreachable(FetchError):
    """A server that does not answer, or does not have the file."""


@dataclass(frozen=True)
class Remote:
    """A file whose content is known; the same wherever it is fetched from."""

    name: str
    size: int
    sha256: str


def partial(path: Path) -> Path:
    """Where a file grows until it is whole."""
    return path.with_name(f"{path.name}.part")


def fetch(remote: Remote, url: str, path: Path, step: Step, wait: float = 1.0) -> None:
    """Bring `remote` from `url` to `path`.

    It grows in `partial(path)`, with which a later call goes on. A connection that breaks is
    opened again after `wait` seconds, longer each time. Raises `Unreachable` where nothing comes,
    `FetchError` for a file of another size or content, which is removed so that the next call
    begins anew.
    """
    part = partial(path)
    if part.is_file() and part.stat().st_size > remote.size:
        part.unlink()
    failures = 0
    while (done := part.stat().st_size if part.is_file() else 0) < remote.size:
        try:
            _receive(remote, url, part, done, step)
        except _BROKEN as error:
            failures = 1 if part.is_file() and part.stat().st_size > done else failures + 1
            if failures > RETRIES or _is_final(error):
                reason = getattr(error, "reason", None) or error
                raise Unreachable(f"cannot fetch {url} ({reason})") from error
            time.sleep(wait * 2 ** (failures - 1))
    check(remote, part, step)
    part.replace(path)


def check(remote: Remote, path: Path, step: Step) -> None:
    """Raise `FetchError` unless the file has the expected SHA-256; a ".part" is then removed."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            step(done := done + len(block))
    if digest.hexdigest() == remote.sha256:
        return
    advice = "delete it and run this command again"
    if path.suffix == ".part":
        path.unlink()
        advice = "it was removed; run this command again"
    raise FetchError(f"{path}: SHA-256 is {digest.hexdigest()}, expected {remote.sha256}; {advice}")


def _receive(remote: Remote, url: str, part: Path, done: int, step: Step) -> None:
    """One connection: append what comes from byte `done` on."""
    headers = {"Range": f"bytes={done}-"} if done else {}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if response.status != http.client.PARTIAL_CONTENT:
            done = 0  # a server that knows no ranges sends everything again
        length = response.headers.get("Content-Length")
        if length is not None and done + int(length) != remote.size:
            raise FetchError(
                f"{url} has {done + int(length)} bytes, expected {remote.size}: "
                "it is not the file that this program knows"
            )
        with part.open("ab" if done else "wb") as file:
            while block := response.read(BLOCK):
                file.write(block)
                step(done := done + len(block))
    if done < remote.size:
        raise ConnectionError(f"the connection closed after {done} of {remote.size} bytes")


def _is_final(error: Exception) -> bool:
    """Whether trying again cannot help: a refusal, or no such file."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code < http.client.INTERNAL_SERVER_ERROR
    if isinstance(error, urllib.error.URLError):  # never connected: no name, no route, refused
        return not isinstance(error.reason, TimeoutError)
    return False
