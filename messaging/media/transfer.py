"""GET from Meta's servers with a token that nobody else may ever see.

`http.client` and nothing above it: it follows no redirect, reads no proxy or password
from the environment, and hands over the bytes as they come. What it leaves to us is
here: to whom the token may go, and how long an answer may take.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
)
from urllib.parse import SplitResult, urljoin, urlsplit

# The Graph API, the store that its addresses lead to, and Meta's own networks.
META_DOMAINS = ("facebook.com", "fbsbx.com", "fbcdn.net", "whatsapp.net")
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
_MOST_REDIRECTS = 3
_DEFAULT_PORTS = {"http": 80, "https": 443}


class NotFetched(Exception):
    """A file was not fetched; the message is a sentence for staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long we wait: for the next bytes, and for all of a file."""

    silence_seconds: float = 30
    seconds: float = 600


PATIENCE = Patience()


class Clock:
    """The time that one file may take, over all requests made for it."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._ends_at = time.monotonic() + patience.seconds

    @property
    def left(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())


@contextmanager
def answer_to(
    url: str, *, token: str, service: str, clock: Clock
) -> Iterator[HTTPResponse]:
    """Give the answer to a GET, after redirects within Meta; raises `NotFetched`.

    `service` is the configured Graph API. Its own scheme, host and port are trusted
    like Meta's hosts, so that a local service can stand in for it.
    """
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            address = trusted_address(url, service=service)
            with _connection(address, clock) as connection:
                connection.request(
                    "GET",
                    address._replace(scheme="", netloc="", fragment="").geturl() or "/",
                    headers={
                        "Authorization": f"Bearer {token}",
                        "User-Agent": "DuesDesk/1.0",
                        "Connection": "close",
                    },
                )
                # It owns the socket, and is not always read to its end.
                with connection.getresponse() as response:
                    if response.status not in _REDIRECTS:
                        yield response
                        return
                    url = urljoin(url, response.getheader("Location", ""))
    except NotFetched:
        raise
    except (OSError, HTTPException, ValueError) as exc:
        if not clock.left:
            raise NotFetched(
                f"Fetching it took longer than {clock.patience.seconds:g} seconds."
            ) from exc
        # The exception's own text may quote the address, which is a key to the file.
        raise NotFetched(
            f"Meta's server cannot be reached, or broke off ({type(exc).__name__})."
        ) from exc
    raise NotFetched(f"Meta's server redirected more than {_MOST_REDIRECTS} times.")


def trusted_address(url: str, *, service: str) -> SplitResult:
    """Return the parts of an address that may be given the token, or refuse it."""
    address = urlsplit(url)
    host = address.hostname or ""
    if address.scheme not in _DEFAULT_PORTS or not host:
        raise NotFetched("Refused: Meta's answer leads to no web address.")
    if _origin(address) == _origin(urlsplit(service)):
        return address
    if address.scheme != "https":
        raise NotFetched("Refused: Meta's answer leads to an address without https.")
    of_meta = any(
        host == domain or host.endswith(f".{domain}") for domain in META_DOMAINS
    )
    if not of_meta or _origin(address)[2] != _DEFAULT_PORTS["https"]:
        raise NotFetched(
            f"Refused: Meta's answer leads to {host[:100]!r}, which is not a host of "
            "Meta's. The access token was not sent there."
        )
    return address


def _origin(address: SplitResult) -> tuple[str, str, int]:
    port = address.port or _DEFAULT_PORTS.get(address.scheme, 0)
    return address.scheme, address.hostname or "", port


@contextmanager
def _connection(address: SplitResult, clock: Clock) -> Iterator[HTTPConnection]:
    """Connect, and cut the line when the time is over, whatever then waits on it."""
    timeout = min(clock.patience.silence_seconds, clock.left or 0.001)
    host = address.hostname or ""
    if address.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(
            host, address.port, timeout=timeout, context=_tls()
        )
    else:
        connection = HTTPConnection(host, address.port, timeout=timeout)
    connection.connect()
    line = connection.sock
    cut = threading.Timer(clock.left, _cut, [line])
    cut.daemon = True
    cut.start()
    try:
        yield connection
    finally:
        cut.cancel()
        connection.close()


@cache
def _tls() -> ssl.SSLContext:
    # Reading the system's certificates takes as long as a small file.
    return ssl.create_default_context()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # closed already
        # Not SSLSocket's own: it would pull the state from under whoever reads.
        socket.socket.shutdown(line, socket.SHUT_RDWR)
