"""The server of the review page: for this machine only, by a secret address, images by index."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from socketserver import TCPServer
from typing import Any, NamedTuple

from PIL import Image

from catdog._utils.errors import InvalidValueError
from catdog.images.inputs import check_file
from catdog.images.reduced import read_reduced
from catdog.reporting.review.corrections_file import CorrectionsFile, StaleDecisionError
from catdog.reporting.review.page import POLICY, make_page
from catdog.reporting.review.state import decisions_json, state_json
from catdog.reporting.review.subjects import Subjects

HOST = "127.0.0.1"
LONGER_SIDE = 1024  # pixels; at a smaller size, a slight blur cannot be seen
KEPT_COPIES = 32  # small copies in memory: the images before and behind the one that is shown
MAX_BODY_BYTES = 10_000
SECONDS_TO_SEND = 30  # a request that takes longer is dropped
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_JSON = "application/json"


class RefusedError(Exception):
    """A request is not answered; the message says why."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        """Store the status and the message."""
        super().__init__(message)
        self.status = status


class _Answer(NamedTuple):
    """The body of an answer, its type, and further headers."""

    body: bytes
    kind: str
    headers: Mapping[str, str] = {}


class ReviewServer(ThreadingHTTPServer):
    """Serves the page of a review on this machine.

    Attributes:
        subjects: What the page shows.
        file: The file that decisions are written to.
        token: The secret part of the address.
        address: The address of the page.
    """

    daemon_threads = True  # a browser that keeps a connection open does not delay the end

    def __init__(self, subjects: Subjects, file: CorrectionsFile, *, port: int = 0) -> None:
        """Listen for requests, which `serve_forever` answers.

        Args:
            subjects: What the page shows.
            file: The file that decisions are written to.
            port: The port; 0 for a free one.

        Raises:
            ValueError: If the port is used by another program.
        """
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InvalidValueError(
                f"cannot be used: {getattr(error, 'strerror', None) or error}",
                argument="port",
                value=port,
                hint="Leave it out: a free one is chosen.",
            ) from error
        self.subjects = subjects
        self.file = file
        self.token = secrets.token_urlsafe(32)
        self.address = f"http://{HOST}:{self.server_port}/{self.token}/"
        self.hosts = [f"{name}:{self.server_port}" for name in (HOST, "localhost")]
        self.small_copy = lru_cache(KEPT_COPIES)(self._small_copy)

    def server_bind(self) -> None:
        """Bind the port, without looking up a name for the address."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about browsers that close a connection."""

    def _small_copy(self, position: int) -> bytes:
        """Return a small copy of an image as a JPEG file."""
        image = self.subjects.images[position]
        try:
            check_file(image.path)  # to open a pipe could block for ever
            with image.path.open("rb") as content:
                sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            pixels = read_reduced(image.path, LONGER_SIDE).pixels
        except (OSError, ValueError) as error:
            raise RefusedError(HTTPStatus.GONE, "It can no longer be read.") from error
        if sha256 != image.sha256:  # the decision would be about another image than is seen
            raise RefusedError(HTTPStatus.GONE, "It was changed since the scan.")
        file = BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        return file.getvalue()


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of the page, and refuses all others."""

    server: ReviewServer
    timeout = SECONDS_TO_SEND
    error_content_type = "text/plain"
    error_message_format = "%(code)d %(message)s\n"

    def version_string(self) -> str:
        return "catdog"

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the terminal shows the address and the result."""

    def do_GET(self) -> None:
        """Answer with the page, its state or an image."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Save a decision, or undo one."""
        self._answer(self._post)

    def _answer(self, method: Callable[[str], _Answer]) -> None:
        status = HTTPStatus.OK
        try:
            answer = method(self._checked_route())
        except RefusedError as error:
            status = error.status
            answer = _Answer(f"{error}\n".encode(), "text/plain; charset=utf-8")
        self.send_response(status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body))}
        for name, value in (headers | _HEADERS | dict(answer.headers)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def _checked_route(self) -> str:
        """Return what follows the token in the address.

        Other pages in the browser do not know the token. If they find a name that leads to this
        machine, the host is theirs; if they send a request here, the origin is theirs.
        """
        host, origin = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        if len(host) != 1 or host[0] not in self.server.hosts:
            raise RefusedError(HTTPStatus.FORBIDDEN, "The host is wrong.")
        needed = [f"http://{host[0]}"]
        if origin != needed and (origin or self.command != "GET"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "The origin is wrong.")
        token, slash, route = self.path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such page.")
        return route

    def _get(self, route: str) -> _Answer:
        server = self.server
        if route == "":
            nonce = secrets.token_urlsafe(16)
            page = make_page(server.subjects, nonce)
            policy = {"Content-Security-Policy": POLICY.format(nonce=nonce)}
            return _Answer(page.encode(), "text/html; charset=utf-8", policy)
        if route == "state":
            return _as_json(state_json(server.subjects, server.file))
        kind, _, index = route.partition("/")
        if kind == "image":
            return _Answer(server.small_copy(self._position(index)), "image/jpeg")
        raise _no_route(route)

    def _position(self, index: str) -> int:
        """Return the position of an image that can be shown."""
        images = self.server.subjects.images
        is_number = index.isascii() and index.isdigit() and str(int(index[:9])) == index
        if not is_number or int(index) >= len(images) or images[int(index)].sha256 is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such image.")
        return int(index)

    def _post(self, route: str) -> _Answer:
        if route not in _ACTIONS:
            raise _no_route(route)
        body = self._read_body()
        try:
            position = _ACTIONS[route](self.server, body)
        except StaleDecisionError as error:
            raise RefusedError(HTTPStatus.CONFLICT, str(error)) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"{self.server.file.path.name} cannot be written: {reason}."
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, message) from error
        return _as_json(
            {"image": position, **decisions_json(self.server.subjects, self.server.file)}
        )

    def _read_body(self) -> Mapping[str, Any]:
        """Return the JSON object that was sent."""
        if self.headers.get_content_type() != _JSON:
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {_JSON}.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "The length is missing.")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too long.")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError, OSError) as error:
            raise _bad_body() from error
        if not isinstance(body, dict):
            raise _bad_body()
        return body


def _decide(server: ReviewServer, body: Mapping[str, Any]) -> int:
    """Save a decision, and return the position of the image."""
    if body.keys() != {"image", "decision", "before"}:
        raise _bad_body()
    position, images = body["image"], server.subjects.images
    if type(position) is not int or not 0 <= position < len(images):
        raise _bad_body()
    image = images[position]
    decision, before = (_read_decision(server, body[key]) for key in ("decision", "before"))
    if image.sha256 is None or decision is None:
        raise _bad_body()
    server.file.decide(image.sha256, *decision, name=image.name, before=before)
    return position


def _read_decision(server: ReviewServer, value: Any) -> tuple[str | None] | None:
    """Return the label, or `None` to leave the image out, in a tuple; `None` without a decision."""
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != {"label"}:
        raise _bad_body()
    label = value["label"]
    if label is not None and label not in server.subjects.class_names:
        raise _bad_body()
    return (label,)


def _undo(server: ReviewServer, body: Mapping[str, Any]) -> int:
    """Take back the last decision, and return the position of the image."""
    if body:
        raise _bad_body()
    sha256 = server.file.undo()
    return [image.sha256 for image in server.subjects.images].index(sha256)


_ACTIONS: Mapping[str, Callable[[ReviewServer, Mapping[str, Any]], int]] = {
    "decide": _decide,
    "undo": _undo,
}


def _no_route(route: str) -> RefusedError:
    """Return the error of an address that there is not, or not for this method."""
    if route in ("", "state", *_ACTIONS) or route.startswith("image/"):
        return RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "The method is wrong.")
    return RefusedError(HTTPStatus.NOT_FOUND, "There is no such page.")


def _bad_body() -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "The request is not understood.")


def _as_json(value: Any) -> _Answer:
    return _Answer(json.dumps(value).encode("ascii"), _JSON)
