"""Everything but the webhook: Django's middleware and views, in threads.

There are as many threads as there are database connections to give them, so a thread
never waits for one. What takes long in a client (a body that comes slowly, an answer
that is read slowly) is waited for on the event loop, with no thread of its own.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import IO, Any, TypeVar

from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import Error, close_old_connections
from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from config.health import silent
from config.request_encoding import Utf8ASGIRequest
from config.server.file_senders import find_sender, takes_files
from config.server.request_body import (
    BodyLimits,
    BodyRefused,
    Memory,
    NoRoom,
    Receive,
    Unavailable,
    receive_body,
    receive_file,
    stated_length,
)
from config.server.responses import (
    Scope,
    Send,
    body_refusal,
    refusal,
    send_whole,
    start,
)

T = TypeVar("T")

_HEALTH_SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "path": "/healthz",
    "query_string": b"",
}

# Of the pool's sixteen connections these leave four: downloads, health, secrets.
THREADS = 12
# Whoever asks for health waits little longer; PostgreSQL may not even say no.
HEALTH_SECONDS = 4.0
# More than that would wait longer than anybody reloads a page.
MAX_WAITING = 200
# Downloads that are generated at the same time; what is sent needs no thread.
DOWNLOAD_THREADS = 2
MAX_WAITING_DOWNLOADS = 20
# A client that takes nothing for so long has gone.
SEND_SECONDS = 60.0
# Smaller files are read at once: a page has dozens of them.
_READ_AT_ONCE_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024

# A form, at the speed of the slowest telephone.
FORM = BodyLimits(max_bytes=2_621_440, seconds=15, bytes_per_second=16 * 1024)
MAX_FILES_AT_ONCE = 16
MAX_FILES_OF_A_SENDER = 3


class PageHandler(BaseHandler):
    """Runs Django's synchronous middleware and views in a bounded pool of threads."""

    def __init__(
        self,
        *,
        memory: Memory,
        threads: int = THREADS,
        max_waiting: int = MAX_WAITING,
        form: BodyLimits = FORM,
    ) -> None:
        super().__init__()
        self.load_middleware()
        self.memory = memory
        self.form = form
        self.max_requests = threads + max_waiting
        self.requests = 0
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="page")
        # Whoever restarts us asks here while every page is busy.
        self.health_threads = ThreadPoolExecutor(1, thread_name_prefix="health")
        self.health_check: asyncio.Future[HttpResponseBase] | None = None
        self.download_threads = ThreadPoolExecutor(
            DOWNLOAD_THREADS, thread_name_prefix="download"
        )
        self.generating = 0
        self.files: list[str] = []  # who sends one at the moment, once for each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == "/healthz" and scope["method"] in ("GET", "HEAD"):
            await self.send(await self.health(), receive, send)
            return
        try:
            if takes_files(scope):
                await self.answer_with_file(scope, receive, send)
            else:
                await self.answer(scope, receive, send)
        except BodyRefused as refused:
            await send_whole(body_refusal(scope, refused), send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose body, if it has one, is small."""
        with self.memory.reservation() as reservation:
            body = await receive_body(
                receive,
                self.form,
                length=stated_length(scope["headers"]),
                reservation=reservation,
            )
            with_length(scope, len(body))
            response = await self.in_page_thread(
                partial(self.get_answer, scope, BytesIO(body))
            )
        await self.send(response, receive, send)

    async def answer_with_file(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a post that may bring a file, if its sender may send one."""
        length = stated_length(scope["headers"])
        if length is not None and length <= self.form.max_bytes:
            return await self.answer(scope, receive, send)
        sender = await self.in_page_thread(partial(_find_sender, scope))
        if sender is None:
            message = "Log in, or send a token that is good, before you send a file."
            await send_whole(refusal(scope, status=401, message=message), send)
            return None
        with self.place_for_a_file(sender):
            limits = BodyLimits(
                max_bytes=settings.UPLOAD_MAX_MB * 2**20 + self.form.max_bytes,
                seconds=30,
                bytes_per_second=16 * 1024,
                file_mb=settings.UPLOAD_MAX_MB,
            )
            body = await receive_file(receive, limits, length=length)
            with_length(scope, body.seek(0, 2))
            body.seek(0)
            response = await self.in_page_thread(partial(self.get_answer, scope, body))
        return await self.send(response, receive, send)

    @contextmanager
    def place_for_a_file(self, sender: str) -> Iterator[None]:
        """Count a file that is being received; raises `NoRoom`."""
        if len(self.files) >= MAX_FILES_AT_ONCE:
            raise NoRoom("Too many files at once. Try again in a minute.")
        if self.files.count(sender) >= MAX_FILES_OF_A_SENDER:
            raise NoRoom(
                f"{MAX_FILES_OF_A_SENDER} files of yours are on their way already. "
                "Send this one when one of them has arrived."
            )
        self.files.append(sender)
        try:
            yield
        finally:
            self.files.remove(sender)

    async def in_page_thread(self, function: Callable[[], T]) -> T:
        """Run a function as soon as a thread is free; raises `NoRoom`."""
        if self.requests >= self.max_requests:
            raise NoRoom("Too many requests at once. Try again in some seconds.")
        self.requests += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.threads, function)
        finally:
            self.requests -= 1

    def get_answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        """Do in this thread what Django's own handlers do for a request."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        response: HttpResponseBase
        try:
            request = Utf8ASGIRequest(scope, body)
        except UnicodeDecodeError:
            response = HttpResponseBadRequest()
        else:
            response = self.get_response(request)
        # The sender of the signal that the request's end is.
        response._handler_class = type(self)  # type: ignore[attr-defined]
        if isinstance(response, StreamingHttpResponse):
            length = response.get("Content-Length")
            if length is None or int(length) > _READ_AT_ONCE_BYTES:
                # It goes on in other threads; this one's connection goes back.
                close_old_connections()
                return response
            whole: HttpResponseBase = _read_at_once(response)
        else:
            whole = response
        # Signals the end of the request: this thread's connection goes back.
        response.close()
        return whole

    async def health(self) -> HttpResponseBase:
        """Return the answer of /healthz; all who ask at one time get the same."""
        if self.health_check is None or self.health_check.done():
            loop = asyncio.get_running_loop()
            scope = {**_HEALTH_SCOPE, "headers": []}
            self.health_check = loop.run_in_executor(
                self.health_threads, self.get_answer, scope, BytesIO()
            )
        done, _ = await asyncio.wait({self.health_check}, timeout=HEALTH_SECONDS)
        return done.pop().result() if done else silent()

    async def send(
        self, response: HttpResponseBase, receive: Receive, send: Send
    ) -> None:
        """Send an answer for as long as its client takes it."""
        timed_send = partial(_send_in_time, send)
        if not isinstance(response, StreamingHttpResponse):
            assert isinstance(response, HttpResponse)  # noqa: S101  Django has no third
            await send_whole(response, timed_send)
        elif "Content-Length" in response:
            await self.stream(response, response, receive, timed_send)
        else:
            file = await self.write_out(response)
            await self.stream(response, file, receive, timed_send)

    async def write_out(self, response: StreamingHttpResponse) -> IO[bytes]:
        """Return what an answer generates, whole: it asks the database, say.

        A connection must not be held for as long as a client takes to read.
        """
        if self.generating >= DOWNLOAD_THREADS + MAX_WAITING_DOWNLOADS:
            await asyncio.to_thread(response.close)
            raise NoRoom("Too many downloads at once. Try again in a minute.")
        self.generating += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self.download_threads, _write_out, response
            )
        finally:
            self.generating -= 1

    async def stream(
        self,
        response: StreamingHttpResponse,
        content: StreamingHttpResponse | IO[bytes],
        receive: Receive,
        send: Send,
    ) -> None:
        """Send the pieces of a file, and read no further than the client does."""
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            await start(response, send)
            async for piece in _pieces(content):
                if gone.done():
                    break
                await send(
                    {"type": "http.response.body", "body": piece, "more_body": True}
                )
            else:
                await send({"type": "http.response.body"})
        except TimeoutError:
            pass  # whoever reads nothing does not read why, either
        finally:
            gone.cancel()
            await asyncio.to_thread(content.close)


def with_length(scope: Scope, length: int) -> None:
    """State the length of a body that is here whole; one in chunks came without.

    Django and DRF take a body of no stated length for none.
    """
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-length", b"transfer-encoding")
    ]
    if length or len(headers) < len(scope["headers"]):
        headers.append((b"content-length", str(length).encode()))
    scope["headers"] = headers


def _find_sender(scope: Scope) -> str | None:
    try:
        return find_sender(scope)
    except Error as exc:
        message = "The database does not answer. Send the file again in some seconds."
        raise Unavailable(message) from exc
    finally:
        close_old_connections()


def _read_at_once(response: StreamingHttpResponse) -> HttpResponse:
    """Return a short stream as an answer in memory, with all that is said of it."""
    content: bytes = b"".join(response)  # our views' are synchronous
    whole = HttpResponse(content, status=response.status_code)
    whole.headers = response.headers
    whole.cookies = response.cookies
    return whole


def _write_out(response: StreamingHttpResponse) -> IO[bytes]:
    """Write a stream to a file without a name, and end its request."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  whoever sends it closes it
    try:
        file.writelines(response)  # our views' are synchronous
        file.seek(0)
    except BaseException:
        file.close()
        raise
    finally:
        response.close()
    return file


async def _pieces(
    content: StreamingHttpResponse | IO[bytes],
) -> AsyncIterator[bytes]:
    if isinstance(content, StreamingHttpResponse):
        iterator = iter(content)
        while piece := await asyncio.to_thread(next, iterator, b""):
            yield piece
    else:
        while piece := await asyncio.to_thread(content.read, _CHUNK_BYTES):
            yield piece


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_in_time(send: Send, message: dict[str, Any]) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send(message)
