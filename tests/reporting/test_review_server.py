import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from catdog.data.report import ScanReport
from catdog.reporting.review.corrections_file import CorrectionsFile
from catdog.reporting.review.server import MAX_BODY_BYTES, ReviewServer
from catdog.reporting.review.subjects import collect_subjects
from tests.reporting.conftest import ask, decide

pytestmark = pytest.mark.local_server

GOOD = {"image": 0, "decision": {"label": "dogs"}, "before": None}


def state(server: ReviewServer) -> Any:
    status, body = ask(server, "state")
    assert status == 200
    return json.loads(body)


def test_the_page_and_its_policy(review: ReviewServer) -> None:
    status, body = ask(review)
    page = body.decode()
    assert status == 200
    assert "<title>Review pets &amp; &lt;b&gt;friends</title>" in page
    assert not re.search(r"https?://", page)
    nonces = set(re.findall(r'nonce="([^"]+)"', page))
    assert len(nonces) == 1
    other = set(re.findall(r'nonce="([^"]+)"', ask(review)[1].decode()))
    assert nonces != other


def test_state_and_images(review: ReviewServer) -> None:
    told = state(review)
    assert told["classNames"] == ["cats", "dogs"]
    assert told["decisions"] == [None] * len(told["images"])
    assert str(review.subjects.folder.parent) not in json.dumps(told)  # no path of this machine
    for index, image in enumerate(told["images"]):
        status, body = ask(review, f"image/{index}")
        assert status == (200 if image["readable"] else 404)
        if image["readable"]:
            with Image.open(BytesIO(body)) as copy:
                assert copy.format == "JPEG"
                assert max(copy.size) in (60, 80)


def test_images_that_were_changed_since_are_not_shown(review: ReviewServer) -> None:
    """The decision would be about another image than is seen."""
    first, second = review.subjects.images[:2]
    first.path.write_bytes(review.subjects.images[2].path.read_bytes())
    second.path.unlink()
    assert ask(review, "image/0") == (410, b"It was changed since the scan.\n")
    assert ask(review, "image/1") == (410, b"It can no longer be read.\n")


def test_decide_and_undo(review: ReviewServer, out: Path) -> None:
    assert decide(review, 0, "dogs") == 200
    assert state(review)["decisions"][0] == {"label": "dogs"}
    assert decide(review, 0, None, before={"label": "dogs"}) == 200
    assert json.loads(out.read_text())["corrections"][0]["leave_out"] is True
    status, body = ask(review, "undo", body={})
    assert status == 200
    assert (json.loads(body)["image"], json.loads(body)["canUndo"]) == (0, True)
    assert json.loads(body)["decisions"][0] == {"label": "dogs"}
    assert ask(review, "undo", body={})[0] == 200
    assert ask(review, "undo", body={}) == (409, b"There is nothing to undo.\n")


def test_two_tabs(review: ReviewServer, out: Path) -> None:
    """A tab that does not show the decision of the other cannot replace it unseen."""
    assert decide(review, 2, "dogs") == 200
    kept = out.read_bytes()
    assert decide(review, 2, "cats") == 409
    assert out.read_bytes() == kept
    assert decide(review, 2, "cats", before={"label": "dogs"}) == 200
    assert decide(review, 3, "cats") == 200


def test_a_change_by_another_program(review: ReviewServer, out: Path) -> None:
    out.write_text("{}")
    status, body = ask(review, "decide", body=GOOD)
    assert status == 409
    assert b"Another program has changed corrections.json" in body
    assert out.read_text() == "{}"
    assert state(review)["decisions"][0] is None


def test_a_disk_that_cannot_be_written(
    review: ReviewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catdog.reporting.review.corrections_file.atomic_write", fail)
    expected = b"corrections.json cannot be written: No space left on device.\n"
    assert ask(review, "decide", body=GOOD) == (500, expected)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"token": "wrong"}, 404),
        ({"token": ""}, 404),
        ({"token": "é".encode().decode("latin-1")}, 404),
    ],
)
def test_strangers_are_refused(
    review: ReviewServer, out: Path, headers: dict[str, Any], status: int
) -> None:
    for route in ("", "state", "image/0", "decide", "undo"):
        body = {"decide": GOOD, "undo": {}}.get(route)
        assert ask(review, route, body=body, **headers)[0] == status, route
    assert not out.exists()


def test_localhost_is_the_same_host(review: ReviewServer) -> None:
    host = f"localhost:{review.server_port}"
    assert ask(review, "decide", body=GOOD, Host=host, Origin=f"http://{host}")[0] == 200
    assert ask(review, "undo", body={}, Host=host)[0] == 403  # its origin is 127.0.0.1


def test_decisions_need_an_origin(review: ReviewServer, out: Path) -> None:
    assert ask(review, "decide", body=GOOD, Origin="")[0] == 403
    assert not out.exists()


INDICES = (
    ["-1", "99", "1.0", "01", "+1", "", "1/", "../0", "%2e%2e/0", "0?x=1", "²", "9" * 5000,
     "/etc/passwd", "..%2f..%2fcats%2f0.png", "0%00"]
)  # fmt: skip


def test_wrong_indices_and_paths(review: ReviewServer) -> None:
    for index in INDICES:
        raw = index.encode().decode("latin-1")
        assert ask(review, f"image/{raw}")[0] == 404, index


def test_other_addresses(review: ReviewServer) -> None:
    for route in ("x", "state/", "../state", "page.js", "decide/0", "cats/0.png"):
        assert ask(review, route)[0] == 404
        assert ask(review, route, body=GOOD)[0] == 404


def test_wrong_methods(review: ReviewServer, out: Path) -> None:
    for route in ("decide", "undo"):
        assert ask(review, route)[0] == 405
    for route in ("", "state", "image/0"):
        assert ask(review, route, body=GOOD)[0] == 405
    for method in ("PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"):
        assert ask(review, "decide", body=GOOD, method=method)[0] == 501
    assert not out.exists()


CHANGES: tuple[dict[str, Any], ...] = (
        {"image": -1}, {"image": 99}, {"image": True}, {"image": "0"}, {"image": None},
        {"decision": None}, {"decision": {}}, {"decision": {"label": "horses"}},
        {"decision": {"label": 1}}, {"decision": {"label": ["cats"]}}, {"decision": "dogs"},
        {"decision": {"label": "cats", "more": 1}}, {"before": "dogs"}, {"more": 1},
)  # fmt: skip


def test_wrong_decisions(review: ReviewServer, out: Path) -> None:
    for change in CHANGES:
        assert ask(review, "decide", body={**GOOD, **change})[0] == 400, change
    assert not out.exists()


def test_broken_files_cannot_be_decided_about(review: ReviewServer) -> None:
    index = next(i for i, image in enumerate(review.subjects.images) if image.sha256 is None)
    assert decide(review, index, None) == 400


BODIES: tuple[tuple[bytes, dict[str, str], int], ...] = (
    (b"{", {}, 400),
    (b"[]", {}, 400),
    (b"\xff", {}, 400),
    (b"[" * 5000, {}, 400),
    (b"{}", {"Content_Type": "text/plain"}, 415),
    (b"{}", {"Content_Type": ""}, 415),
    (b"{}", {"Content_Length": ""}, 411),
    (b"{}", {"Content_Length": "-2"}, 411),
    (b"{}", {"Content_Length": "x"}, 411),
    (b" " * (MAX_BODY_BYTES + 1), {}, 413),
    (b"{}", {"Content_Length": "9" * 5000}, 413),
)


def test_wrong_bodies(review: ReviewServer, out: Path) -> None:
    for body, headers, status in BODIES:
        assert ask(review, "decide", body=body, **headers)[0] == status, (body[:9], headers)
    assert not out.exists()


def test_only_this_machine_and_a_free_port(
    review: ReviewServer, report: ScanReport, out: Path
) -> None:
    assert review.socket.getsockname()[0] == "127.0.0.1"
    assert len(review.token) >= 43  # 256 bits
    for port in (review.server_port, -1, 70000):
        with pytest.raises(ValueError, match=f"port={port} cannot be used"):
            ReviewServer(collect_subjects(report, None), CorrectionsFile(out, report), port=port)
