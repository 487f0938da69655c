"""Receive a request's body within bounds of size, time and memory.

A body is received on the event loop before any thread is given to its request. So a
client that sends a byte a second occupies a socket and nothing else, for as long as
its limits allow.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]

# Smaller bodies are never refused for want of memory: whoever fills it with large ones
# does not keep a message out.
_SMALL_BYTES = 64 * 1024
# Written to disk in pieces of about this size, each by a thread.
_WRITE_BYTES = 1024 * 1024


class BodyRefused(Exception):
    """The body is not taken; `status` and the message are for its sender."""

    status = 400


class BodyTooLarge(BodyRefused):
    """More bytes than this address takes."""

    status = 413


class BodyTooSlow(BodyRefused):
    """Less than the least rate, or not all of it in time."""

    status = 408


class NoRoom(BodyRefused):
    """Too much is being received at the moment."""

    status = 503


class Unavailable(BodyRefused):
    """Something that taking the body needs does not answer."""

    status = 503


class BodyBrokenOff(BodyRefused):
    """The client ended the connection, or its body in the middle of a chunk.

    It may still read an answer: a half-closed connection is one.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """What an address takes: bytes, and the time for them.

    A body of n bytes has `seconds` and, where a rate is given, n divided by it. Of a
    body with a file, `file_mb` is what its sender is told: the rest is a form's.
    """

    max_bytes: int
    seconds: float
    bytes_per_second: int | None = None
    file_mb: int | None = None

    def seconds_for(self, size: int) -> float:
        """Return how long a body may take of which `size` bytes have arrived."""
        if self.bytes_per_second is None:
            return self.seconds
        return self.seconds + size / self.bytes_per_second


@dataclass(slots=True)
class Memory:
    """How many bytes of requests' bodies this process holds, and may hold."""

    max_bytes: int
    used: int = 0

    @contextmanager
    def reservation(self) -> Iterator["Reservation"]:
        """Give back at the end what was taken in between."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.used -= reservation.size


@dataclass(slots=True)
class Reservation:
    """One body's share of the memory."""

    memory: Memory
    size: int = field(default=0)

    def grow(self, size: int) -> None:
        """Take more; raises `NoRoom` for a body that is not small."""
        if (
            self.size + size > _SMALL_BYTES
            and self.memory.used + size > self.memory.max_bytes
        ):
            raise NoRoom("Too many requests at once. Try again in some seconds.")
        self.memory.used += size
        self.size += size


def stated_length(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """Return the Content-Length of ASGI headers, None when there is no such number."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and len(value) < 20:
            return int(value)
    return None


async def receive_body(
    receive: Receive,
    limits: BodyLimits,
    *,
    length: int | None,
    reservation: Reservation,
) -> bytes:
    """Return a body that is held in memory, out of the reservation.

    `length` is what the client stated. Raises `BodyRefused`.
    """
    pieces: list[bytes] = []
    async for piece in _pieces(receive, limits, length):
        reservation.grow(len(piece))
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def receive_file(
    receive: Receive, limits: BodyLimits, *, length: int | None
) -> IO[bytes]:
    """Return a body that is held on disk, at its beginning; the caller closes it.

    Raises `BodyRefused`.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115  its reader closes it
    waiting: list[bytes] = []
    size = 0
    try:
        async for piece in _pieces(receive, limits, length):
            waiting.append(piece)
            size += len(piece)
            if size >= _WRITE_BYTES:
                await asyncio.to_thread(file.writelines, waiting)
                waiting, size = [], 0
        await asyncio.to_thread(file.writelines, waiting)
    except OSError as exc:
        file.close()
        logger.error("A file could not be received: %s", exc.strerror)
        message = "The server has no room for the file. Tell your administrator."
        raise NoRoom(message) from exc
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


async def _pieces(
    receive: Receive, limits: BodyLimits, length: int | None
) -> AsyncIterator[bytes]:
    if length is not None and length > limits.max_bytes:
        raise BodyTooLarge(_too_large(limits))
    loop = asyncio.get_running_loop()
    began_at, size, more = loop.time(), 0, True
    while more:
        try:
            async with asyncio.timeout_at(began_at + limits.seconds_for(size)):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow("The request came too slowly.") from None
        if message["type"] == "http.disconnect":
            raise BodyBrokenOff("The request broke off.")
        piece = message.get("body", b"")
        size += len(piece)
        if size > limits.max_bytes:
            raise BodyTooLarge(_too_large(limits))
        more = message.get("more_body", False)
        if piece:
            yield piece


def _too_large(limits: BodyLimits) -> str:
    if limits.file_mb is not None:
        return f"The file is larger than {limits.file_mb:,} MB."
    return f"The request is larger than {limits.max_bytes / 2**20:,.1f} MB."
