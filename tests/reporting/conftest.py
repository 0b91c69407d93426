"""A folder with doubts of each kind, and the page about it."""

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from catdog import scan_images
from catdog.data.report import ScanReport
from catdog.reporting.review.corrections_file import CorrectionsFile
from catdog.reporting.review.server import ReviewServer
from catdog.reporting.review.subjects import collect_subjects


def smooth(seed: int, size: tuple[int, int] = (60, 48)) -> Image.Image:
    """Return an image that is like no other, and stays like itself at another size."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write 4 cats and 4 dogs, two pairs, a broken file and images of poor quality."""
    root = tmp_path / "pets & <b>friends"
    for kind, offset in (("cats", 0), ("dogs", 100)):
        (root / kind).mkdir(parents=True)
        for number in range(4):
            smooth(offset + number).save(root / kind / f"{number}.png")
    same = (root / "cats/0.png").read_bytes()
    (root / "dogs/same.png").write_bytes(same)
    smooth(101, (80, 64)).save(root / "cats/near.tiff")
    (root / "cats/broken.png").write_bytes(same[:200])
    smooth(7).filter(ImageFilter.GaussianBlur(9)).convert("CMYK").save(root / "dogs/blurred.jpg")
    return root


@pytest.fixture
def report(folder: Path) -> ScanReport:
    return scan_images(folder, quality=True)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "corrections.json"


@pytest.fixture
def review(report: ScanReport, out: Path) -> Iterator[ReviewServer]:
    """Serve the page, for tests marked `local_server`."""
    server = ReviewServer(collect_subjects(report, None), CorrectionsFile(out, report))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class _Connection(http.client.HTTPConnection):
    """A connection that sends addresses as they are, letters with accents too."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode("latin-1")


def ask(
    server: ReviewServer,
    route: str = "",
    *,
    body: Any = None,
    method: str | None = None,
    token: str | None = None,
    **headers: str,
) -> tuple[int, bytes]:
    """Send a request as the page does, but for what is passed; return status and body."""
    host = f"127.0.0.1:{server.server_port}"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Host": host}
    if body is not None:
        sent |= {"Origin": f"http://{host}", "Content-Type": "application/json",
                 "Content-Length": str(len(raw))}  # fmt: skip
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = _Connection("127.0.0.1", server.server_port, timeout=20)
    path = f"/{server.token if token is None else token}/{route}"
    connection.putrequest(
        method or ("GET" if body is None else "POST"),
        path,
        skip_host=True,
        skip_accept_encoding=True,
    )
    for name, value in sent.items():
        if value:
            connection.putheader(name, value)
    connection.endheaders(None if body is None else raw)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def decide(server: ReviewServer, image: int, label: str | None, before: Any = None) -> int:
    """Send a decision, and return the status."""
    body = {"image": image, "decision": {"label": label}, "before": before}
    return ask(server, "decide", body=body)[0]


class Command:
    """`catdog review` in a process of its own, until the end of the block.

    Attributes:
        process: The process.
        address: The address of the page.
    """

    def __init__(self, folder: Path, out: Path) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # tests in the background of a shell
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command = [sys.executable, "-m", "catdog", "review", str(folder), "--out", str(out)]
        self.process = subprocess.Popen(
            [*command, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        found = next(filter(None, (re.search(r"http://\S+", line) for line in lines)))
        self.address = found[0]

    def end(self, number: signal.Signals) -> str:
        """End the process by a signal, and return what it printed."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[0]


@contextmanager
def running(folder: Path, out: Path) -> Iterator[Command]:
    """Run `catdog review` within this block."""
    command = Command(folder, out)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.communicate()
