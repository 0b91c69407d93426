"""A process that is killed at random moments loses no decision that it has confirmed."""

import http.client
import json
import random
import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from catdog.data.corrections import read_corrections
from catdog.data.findings import relative_name
from catdog.data.report import ScanReport
from tests.reporting.conftest import running

pytestmark = pytest.mark.local_server

ROUNDS = 3  # processes that are killed; each starts within a second or two
LABELS = ("cats", "dogs", None)


class Client(threading.Thread):
    """Decides again and again, as fast as it can, until the server is gone.

    Attributes:
        images: What the server told about the images.
        decisions: The decision about each, as the server has confirmed it.
        sent: The image and the label that it has not confirmed, if there are any.
        confirmed: Number of decisions that it has confirmed.
    """

    def __init__(self, address: str, seed: int) -> None:
        super().__init__()
        self.address = address
        self.random = random.Random(seed)
        with urllib.request.urlopen(f"{address}state") as answer:
            state = json.load(answer)
        self.images, self.decisions = state["images"], state["decisions"]
        self.sent: tuple[int, str | None] | None = None
        self.confirmed = 0

    def run(self) -> None:
        readable = [index for index, image in enumerate(self.images) if image["readable"]]
        while True:
            image, label = self.random.choice(readable), self.random.choice(LABELS)
            body = {"image": image, "decision": {"label": label}, "before": self.decisions[image]}
            self.sent = (image, label)
            try:
                self.decisions = self.post(body)["decisions"]
            except (OSError, ValueError, http.client.HTTPException):
                return
            self.sent = None
            self.confirmed += 1

    def post(self, body: dict[str, Any]) -> Any:
        origin = "/".join(self.address.split("/")[:3])
        headers = {"Content-Type": "application/json", "Origin": origin}
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}decide", data, headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def test_no_confirmed_decision_is_lost(
    folder: Path, report: ScanReport, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    sha256 = {relative_name(image.path, folder): image.sha256 for image in report._readable}
    draw = random.Random(0)
    found: dict[str, str | None] = {}
    for number in range(ROUNDS):
        with running(folder, out) as command:
            client = Client(command.address, number)
            assert confirmed(client, sha256) == found
            client.start()
            while client.confirmed < 3:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.1))
            command.end(signal.SIGKILL)
            client.join(60)
        found = dict(read_corrections(out, report.class_names).decisions)
        expected = confirmed(client, sha256)
        if found != expected:  # the decision that was on its way may be saved
            assert client.sent is not None
            image, label = client.sent
            expected[sha256[client.images[image]["name"]]] = label
        assert found == expected


def confirmed(client: Client, sha256: dict[str, str]) -> dict[str, str | None]:
    """Return what is decided as the page was told, by the hash of the image."""
    return {
        sha256[image["name"]]: decision["label"]
        for image, decision in zip(client.images, client.decisions, strict=True)
        if decision
    }
