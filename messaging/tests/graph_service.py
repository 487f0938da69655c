"""A small server that gives out media as Meta's Graph API does, or as badly as told."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "EAAG-of-the-number"
PHOTO = b"\xff\xd8\xff\xe0 a photo of a shop front" * 40

Answer = Callable[["Handler", bytes], None]


@dataclass(frozen=True)
class Request:
    path: str
    query: dict[str, list[str]]
    authorization: str


class Handler(BaseHTTPRequestHandler):
    """Answers in two steps: /v25.0/<media id>, then /files/<media id>/<address>."""

    protocol_version = "HTTP/1.1"
    server: "GraphService"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        request = Request(
            path=url.path,
            query=parse_qs(url.query),
            authorization=self.headers.get("Authorization", ""),
        )
        self.server.requests.append(request)
        step, *rest = url.path.strip("/").split("/")
        if request.authorization != f"Bearer {self.server.token}":
            self.refuse(401, 190)
        elif step == "files":
            self.server.send(self, rest)
        else:
            self.server.describe(self, rest[0])

    def reply(self, body: bytes, *, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: int) -> None:
        error = {"message": "(words)", "type": "OAuthException", "code": code}
        self.reply(json.dumps({"error": error}).encode(), status=status)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class GraphService(ThreadingHTTPServer):
    """`files` by media id; what a test sets differs from how Meta does it."""

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.token = token
        self.files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        # How many of the addresses to come lead nowhere by the time they are used.
        self.stale_addresses = 0
        self.description: dict[str, Any] = {}  # laid over each answer of step one
        self.describe: Callable[[Handler, str], None] = self.describe_file
        self.answer: Answer = Handler.reply
        self.stopped = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v25.0"

    def describe_file(self, handler: Handler, media_id: str) -> None:
        content = self.files.get(media_id)
        if content is None:
            handler.refuse(400, 100)
            return
        address = "fresh"
        if self.stale_addresses:
            self.stale_addresses -= 1
            address = "stale"
        described = {
            "messaging_product": "whatsapp",
            "url": f"{self.origin}/files/{media_id}/{address}?ext=300",
            "mime_type": "image/jpeg",
            "sha256": hashlib.sha256(content).hexdigest(),
            "file_size": str(len(content)),
            "id": media_id,
        }
        handler.reply(json.dumps(described | self.description).encode())

    def send(self, handler: Handler, path: list[str]) -> None:
        media_id, address = path
        if address == "stale":
            handler.reply(b"", status=404)
        else:
            self.answer(handler, self.files[media_id])

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up on us is part of the tests

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


@contextmanager
def running(service: GraphService) -> Iterator[GraphService]:
    thread = threading.Thread(target=service.serve_forever, args=[0.01])
    thread.start()
    try:
        yield service
    finally:
        service.stopped.set()
        service.shutdown()
        service.server_close()
        thread.join()


# Ways to answer the second step


def redirect_to(url: str) -> Answer:
    return lambda handler, _: handler.reply(b"", status=302, Location=url)


def status(code: int) -> Answer:
    return lambda handler, _: handler.reply(b"", status=code)


def other_content(handler: Handler, content: bytes) -> None:
    handler.reply(content[::-1])


def break_off(handler: Handler, content: bytes) -> None:
    """Promise all of it, send half, and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def break_off_a_chunk(handler: Handler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%b" % (len(content), content[:100]))
    handler.close_connection = True


def without_length(handler: Handler, content: bytes) -> None:
    """End by hanging up, as servers did before they knew lengths."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(content)
    handler.close_connection = True


def say_nothing(handler: Handler, _: bytes) -> None:
    handler.server.stopped.wait(20)


def drip(handler: Handler, content: bytes) -> None:
    """Send a byte now and then, so that no single read takes long."""
    handler.send_response(200)
    handler.end_headers()
    for place in range(len(content)):
        handler.wfile.write(content[place : place + 1])
        if handler.server.stopped.wait(0.02):
            return


def drip_headers(handler: Handler, _: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.stopped.wait(0.02):
        handler.wfile.write(b".")
