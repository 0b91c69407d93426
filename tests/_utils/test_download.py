import errno
import hashlib
import io
import os
import socket
import ssl
import sys
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError

import pytest

import catdog._utils.download as download_module
from catdog._utils.download import download
from tests import local_server
from tests.local_server import Answer, LocalServer

pytestmark = pytest.mark.local_server

BODY = bytes(range(256)) * 40
UNREACHABLE = "http://192.0.2.1/file"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "my [own] cache" / "file.bin"


def failure(url: str, target: Path, *, by_hand: bool = True) -> str:
    """Return the message of a download that fails; check that it leaves nothing behind."""
    before = sorted(target.parent.glob("*"))
    with pytest.raises(OSError, match="Cannot download") as raised:
        download(url, target, fallback_hint="Or do without it.")
    assert sorted(target.parent.glob("*")) == before
    message = str(raised.value)
    assert message.startswith(f"Cannot download {url}: ")
    assert message.endswith(". Or do without it.")
    assert (f" Put the file at {target} by hand. " in message) is by_hand
    return message


@pytest.mark.parametrize(
    "answer", [local_server.good(BODY), local_server.good_without_length(BODY)]
)
def test_a_good_server(server: LocalServer, target: Path, answer: Answer) -> None:
    server.answers = [local_server.elsewhere, answer]
    download(server.url, target, fallback_hint="Or do without it.")
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]
    assert server.requests == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (local_server.cut(BODY), "the connection was cut off after 5120 of 10240 bytes"),
        (local_server.cut_chunk, "the server's answer is incomplete or invalid"),
        (local_server.nonsense, "the server's answer is incomplete or invalid"),
        (local_server.hang_up, "Remote end closed connection without response"),
        (local_server.stall, "the server sent nothing for 0.1 s"),
        (local_server.silence, "the server sent nothing for 0.1 s"),
        (local_server.status(HTTPStatus.NOT_FOUND), "the server answers 404 Not Found"),
        (
            local_server.status(HTTPStatus.INTERNAL_SERVER_ERROR),
            "the server answers 500 Internal Server Error",
        ),
        (local_server.elsewhere, "the server answers 302 "),
    ],
)
def test_a_bad_server_leaves_nothing_behind(
    server: LocalServer,
    target: Path,
    answer: Answer,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download_module, "STALL_SECONDS", 0.1)
    server.answers = [answer]
    assert reason in failure(server.url, target)
    server.answers = [local_server.good(BODY)]
    download(server.url, target, fallback_hint="Or do without it.")
    assert target.read_bytes() == BODY
    assert list(target.parent.iterdir()) == [target]


def test_an_older_file_is_kept_until_the_new_one_is_complete(
    server: LocalServer, target: Path
) -> None:
    target.parent.mkdir()
    target.write_bytes(b"older")
    server.answers = [local_server.cut(BODY), local_server.good(BODY)]
    failure(server.url, target)
    assert target.read_bytes() == b"older"
    download(server.url, target, fallback_hint="Or do without it.")
    assert target.read_bytes() == BODY


def test_a_closed_port(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert "refused" in failure(f"http://127.0.0.1:{port}/file", target)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "there is no network, or no server of"),
        (TimeoutError("timed out"), "the server sent nothing for 30 s"),
        (ssl.SSLCertVerificationError("expired"), "the server's certificate cannot be trusted"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), ": Network is unreachable. Put"),
    ],
)
def test_no_connection(
    target: Path, cause: OSError, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(url: str, timeout: float) -> NoReturn:
        raise URLError(cause)

    if isinstance(cause, ssl.SSLCertVerificationError):
        cause.verify_message = "certificate has expired"  # as OpenSSL does
    monkeypatch.setattr(download_module, "urlopen", fail)
    assert reason in failure(UNREACHABLE, target)


def test_a_full_disk(server: LocalServer, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.BytesIO):
        def write(self, data: object) -> NoReturn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    server.answers = [local_server.good(BODY * 500)]
    monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk())
    message = failure(server.url, target, by_hand=False)
    assert f"{target.parent} is on a full disk (5.1 MB are needed)" in message
    assert "KERAS_HOME" in message


def test_no_permission(server: LocalServer, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*arguments: object) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    server.answers = [local_server.good(BODY)]
    monkeypatch.setattr("tempfile.mkdtemp", deny)
    message = failure(server.url, target, by_hand=False)
    assert f"{target.parent} is not writable. Set the environment variable KERAS" in message


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="nothing keeps this user from writing"
)
def test_a_folder_that_is_read_only(server: LocalServer, target: Path) -> None:
    target.parent.mkdir(mode=0o500)
    server.answers = [local_server.good(BODY)]
    assert f"{target.parent} is not writable" in failure(server.url, target, by_hand=False)


def test_a_file_where_a_folder_belongs(server: LocalServer, target: Path) -> None:
    target.parent.touch()
    server.answers = [local_server.good(BODY)]
    assert f"{target.parent}'" in failure(server.url, target)


def test_an_interrupted_download_leaves_nothing(
    server: LocalServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(response: HTTPResponse, size: int) -> NoReturn:
        raise KeyboardInterrupt

    server.answers = [local_server.good(BODY)]
    monkeypatch.setattr(HTTPResponse, "read1", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(server.url, target, fallback_hint="Or do without it.")
    assert list(target.parent.iterdir()) == []


MD5, SHA256 = hashlib.md5(BODY).hexdigest(), hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("digest", [MD5, SHA256])
def test_the_published_hash_is_checked(server: LocalServer, target: Path, digest: str) -> None:
    server.answers = [local_server.good(BODY)]
    download(server.url, target, fallback_hint="Or do without it.", digest=digest)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("digest", [MD5, SHA256])
def test_another_hash_is_an_error_and_the_older_file_stays(
    server: LocalServer, target: Path, digest: str
) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(b"older")
    server.answers = [local_server.good(BODY[::-1])]
    received = (hashlib.md5 if digest == MD5 else hashlib.sha256)(BODY[::-1]).hexdigest()
    message = f"the server sent has the hash {received}, but {digest} is published"
    with pytest.raises(OSError, match=message) as raised:
        download(server.url, target, fallback_hint="Or do without it.", digest=digest)
    assert f"Put the file at {target} by hand. Or do without it." in str(raised.value)
    assert [path.read_bytes() for path in target.parent.iterdir()] == [b"older"]
