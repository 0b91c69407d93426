"""A web server on this machine that gives good and bad answers, as a test sets them."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class LocalServer(ThreadingHTTPServer):
    """Give each request the next of `answers`; the last answer repeats."""

    daemon_threads = False  # so that closing the server waits for its threads

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.requests = 0
        self.ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/file"

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about clients that close the connection."""


class Handler(BaseHTTPRequestHandler):
    server: LocalServer

    def do_GET(self) -> None:
        self.server.requests += 1
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def begin(self, status: int = HTTPStatus.OK, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


def good(body: bytes) -> Answer:
    def answer(handler: Handler) -> None:
        handler.begin(Content_Length=len(body))
        handler.wfile.write(body)

    return answer


def good_for_both(body: bytes) -> Answer:
    """Answer two requests at once; each second half waits until both first halves are sent."""
    both = threading.Barrier(2)

    def answer(handler: Handler) -> None:
        handler.begin(Content_Length=len(body))
        handler.wfile.write(body[: len(body) // 2])
        both.wait(timeout=60)
        handler.wfile.write(body[len(body) // 2 :])

    return answer


def good_without_length(body: bytes) -> Answer:
    def answer(handler: Handler) -> None:
        handler.begin()
        handler.wfile.write(body)

    return answer


def elsewhere(handler: Handler) -> None:
    handler.begin(HTTPStatus.FOUND, Location="/elsewhere", Content_Length=0)


def cut(body: bytes) -> Answer:
    def answer(handler: Handler) -> None:
        handler.begin(Content_Length=len(body))
        handler.wfile.write(body[: len(body) // 2])

    return answer


def cut_chunk(handler: Handler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.begin(Transfer_Encoding="chunked", Connection="close")
    handler.wfile.write(b"ff\r\nhalf a chunk")


def stall(handler: Handler) -> None:
    handler.begin(Content_Length=100)
    handler.wfile.write(b"beginning")
    handler.server.ended.wait()


def silence(handler: Handler) -> None:
    handler.server.ended.wait()


def hang_up(handler: Handler) -> None:
    pass


def nonsense(handler: Handler) -> None:
    handler.wfile.write(b"nonsense\r\n")


def status(code: HTTPStatus) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_error(code)

    return answer
