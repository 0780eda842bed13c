"""kws-data against a server on this machine: ranges, interruptions, wrong content, no network."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.spec import FrontEnd
from kws_train import download as kws_data
from kws_train.download import Archive, download, unpack
from kws_train.fetch import FetchError, Remote, Unreachable, fetch, partial

CONTENT = np.random.default_rng(1).bytes(300_000)


class Server(ThreadingHTTPServer):
    """Serves `content` at any path; what it was asked stands in `ranges`."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.ranges: list[str | None] = []
        self.knows_ranges = True
        self.cut_after: list[int] = []  # bytes after which each of the next connections breaks
        self.errors: list[int] = []  # statuses of the next answers
        self.home = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if self.server.errors:
            self.send_error(self.server.errors.pop(0))
            return
        start = int(asked.split("=")[1].rstrip("-")) if asked and self.server.knows_ranges else 0
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.cut_after:
            body = body[: self.server.cut_after.pop(0)]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(CONTENT) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def remote() -> Remote:
    return remote_of(CONTENT)


def remote_of(content: bytes, name: str = "x.tar.gz") -> Remote:
    return Remote(name, len(content), hashlib.sha256(content).hexdigest())


def bring(remote: Remote, server: Server, path: Path) -> list[int]:
    steps: list[int] = []
    fetch(remote, f"{server.home}/{remote.name}", path, steps.append, wait=0.0)
    return steps


def test_whole_file(server: Server, remote: Remote, tmp_path: Path) -> None:
    path = tmp_path / remote.name
    steps = bring(remote, server, path)
    assert path.read_bytes() == CONTENT
    assert steps[-1] == remote.size
    assert server.ranges == [None]
    assert list(tmp_path.iterdir()) == [path]


def test_goes_on_where_an_earlier_run_stopped(
    server: Server, remote: Remote, tmp_path: Path
) -> None:
    path = tmp_path / remote.name
    partial(path).write_bytes(CONTENT[:12_345])
    bring(remote, server, path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=12345-"]


def test_broken_connections_are_resumed(server: Server, remote: Remote, tmp_path: Path) -> None:
    server.cut_after = [100_000, 1, 50_000]
    bring(remote, server, tmp_path / remote.name)
    assert (tmp_path / remote.name).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=100001-", "bytes=150001-"]


def test_a_server_without_ranges_sends_all_again(
    server: Server, remote: Remote, tmp_path: Path
) -> None:
    path = tmp_path / remote.name
    partial(path).write_bytes(CONTENT[:1000])
    server.knows_ranges = False
    bring(remote, server, path)
    assert path.read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, remote: Remote, tmp_path: Path) -> None:
    server.errors = [503, 500]
    bring(remote, server, tmp_path / remote.name)
    assert (tmp_path / remote.name).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403])
def test_a_refusal_is_final(server: Server, remote: Remote, tmp_path: Path, status: int) -> None:
    server.errors = [status]
    with pytest.raises(Unreachable, match=r"cannot fetch http://127\.0\.0\.1"):
        bring(remote, server, tmp_path / remote.name)
    assert server.ranges == [None]


def test_a_server_that_never_sends_a_byte_is_given_up(
    server: Server, remote: Remote, tmp_path: Path
) -> None:
    server.cut_after = [0] * 100
    with pytest.raises(Unreachable, match="closed after 0 of 300000 bytes"):
        bring(remote, server, tmp_path / remote.name)


def test_wrong_content_is_removed(server: Server, remote: Remote, tmp_path: Path) -> None:
    server.content = bytes(len(CONTENT))
    with pytest.raises(FetchError, match=r"SHA-256 is .*, expected .*run this command again"):
        bring(remote, server, tmp_path / remote.name)
    assert not list(tmp_path.iterdir())


def test_wrong_size_is_not_fetched(server: Server, remote: Remote, tmp_path: Path) -> None:
    server.content = CONTENT + b"more"
    with pytest.raises(FetchError, match="has 300004 bytes, expected 300000"):
        bring(remote, server, tmp_path / remote.name)
    assert not list(tmp_path.iterdir())


def test_a_part_that_is_too_long_begins_anew(
    server: Server, remote: Remote, tmp_path: Path
) -> None:
    path = tmp_path / remote.name
    partial(path).write_bytes(CONTENT + b"more")
    bring(remote, server, path)
    assert path.read_bytes() == CONTENT


def tar_gz(members: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """An archive of these files, then of members that have no content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in others:
            archive.addfile(member)
    return buffer.getvalue()


def wav(samples: int = 800) -> bytes:
    buffer = io.BytesIO()
    tone = (np.arange(samples) % 50 * 100).astype(np.int16)
    soundfile.write(buffer, tone, FrontEnd().sample_rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


LAYOUT = {
    "./yes/anna_nohash_0.wav": wav(),
    "./yes/bert_nohash_0.wav": wav(),
    "./no/anna_nohash_0.wav": b"not a recording",
    "./validation_list.txt": b"yes/bert_nohash_0.wav\n",
    "./testing_list.txt": b"",
}


def test_download_unpacks_and_is_quick_the_second_time(server: Server, tmp_path: Path) -> None:
    server.content = tar_gz(LAYOUT)
    archive = Archive(remote_of(server.content), "speech_commands")
    for _ in range(2):
        download(tmp_path, server.home, [archive])
    assert len(server.ranges) == 1
    assert (tmp_path / "speech_commands/yes/anna_nohash_0.wav").read_bytes() == wav()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech_commands", "x.tar.gz"]


def test_an_archive_that_lies_there_is_used_without_a_network(tmp_path: Path) -> None:
    content = tar_gz(LAYOUT)
    (tmp_path / "x.tar.gz").write_bytes(content)
    download(tmp_path, "http://127.0.0.1:9", [Archive(remote_of(content), "speech_commands")])
    assert (tmp_path / "speech_commands/validation_list.txt").is_file()


def test_a_damaged_archive_that_lies_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"damaged")
    with pytest.raises(FetchError, match="delete it and run this command again"):
        download(tmp_path, "http://127.0.0.1:9", [Archive(remote_of(CONTENT), "y")])
    assert (tmp_path / "x.tar.gz").is_file()


def test_a_full_disk_is_told_beforehand(tmp_path: Path) -> None:
    huge = Archive(Remote("huge.tar.gz", 10**18, "0" * 64), "huge")
    with pytest.raises(FetchError, match="GB free, archives and recordings need"):
        download(tmp_path, "http://127.0.0.1:9", [huge])


def link() -> tarfile.TarInfo:
    member = tarfile.TarInfo("yes/link")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member


def device() -> tarfile.TarInfo:
    member = tarfile.TarInfo("yes/device")
    member.type = tarfile.CHRTYPE
    return member


@pytest.mark.parametrize(
    "member", [link(), device(), tarfile.TarInfo("../out"), tarfile.TarInfo("/tmp/kws-out")]
)
def test_archives_cannot_reach_out(tmp_path: Path, member: tarfile.TarInfo) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(tar_gz({"yes/a.wav": wav()}, member))
    with pytest.raises(FetchError, match="leads out of its folder"):
        unpack(path, tmp_path / "in", lambda _: None)
    assert not (tmp_path / "in").exists()
    assert not (tmp_path / "out").exists()


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(tar_gz({"yes/a.wav": CONTENT})[:-1000])
    with pytest.raises(FetchError, match=r"not a whole \.tar\.gz"):
        unpack(path, tmp_path / "in", lambda _: None)


def test_without_a_network_one_line_says_what_to_put_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    remote = remote_of(CONTENT, "speech_commands_v0.02.tar.gz")
    monkeypatch.setattr(kws_data, "ARCHIVES", (Archive(remote, "speech_commands"),))
    home = f"http://127.0.0.1:{port}"
    assert kws_data.main(["download", "--to", str(tmp_path), "--home", home]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kws-data")]
    assert len(lines) == 1
    assert "refused" in lines[0]
    assert (
        f"put speech_commands_v0.02.tar.gz (300000 bytes, from {home}) into {tmp_path}"
        in (lines[0])
    )


def test_info_counts_words_splits_and_corrupt_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in LAYOUT.items():
        path = tmp_path / "speech_commands" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    path = tmp_path / "test" / "_unknown_" / "cat_anna_nohash_0.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(wav())
    assert kws_data.main(["info", str(tmp_path)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["yes", "1", "1", "0"] in rows
    assert ["no", "1", "0", "0"] in rows
    assert ["2", "words", "2", "1", "0"] in rows
    assert ["corrupt", "files:", "1"] in rows
    assert ["_unknown_", "1"] in rows


def test_info_of_a_folder_without_recordings_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kws_data.main(["info", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert kws_data.main(["info", str(tmp_path / "nowhere")]) == 1
    assert "is not a folder" in capsys.readouterr().err


def test_the_official_files_are_pinned() -> None:
    for archive in kws_data.ARCHIVES:
        assert len(archive.file.sha256) == 64
        assert archive.file.size > 10**8
