"""Talk ASGI to the application, as the server does, a message at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

Message = dict[str, Any]
Application = Callable[[Message, Any, Any], Awaitable[None]]


def on_an_event_loop(
    test: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., None]:
    """Run an async test, for half a minute at most."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await test(*args, **kwargs)
            # Of the thread in which async views ask the database.
            await sync_to_async(connections.close_all)()

        asyncio.run(bounded())

    return run


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = False


class Client:
    """One request. Its body is what `pieces` holds; then the client is silent, or gone.

    `taken` counts the messages that the application asked for.
    """

    def __init__(
        self,
        pieces: Iterable[bytes] = (b"",),
        *,
        ends: bool = True,
        leaves: bool = False,
    ) -> None:
        pieces = list(pieces)
        last = len(pieces) - 1
        self.messages = [
            {
                "type": "http.request",
                "body": piece,
                "more_body": not ends or place < last,
            }
            for place, piece in enumerate(pieces)
        ]
        if leaves:
            self.messages.append({"type": "http.disconnect"})
        self.taken = 0
        self.answer = Answer()
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def receive(self) -> Message:
        if self.taken == len(self.messages):
            await asyncio.Event().wait()
        self.taken += 1
        return self.messages[self.taken - 1]

    async def send(self, message: Message) -> None:
        await self.may_read.wait()
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {
                name.decode().lower(): value.decode("latin-1")
                for name, value in message["headers"]
            }
        else:
            self.answer.body += message.get("body", b"")
            self.answer.is_whole = not message.get("more_body", False)

    async def ask(self, application: Application, scope: Message) -> Answer:
        await application(scope, self.receive, self.send)
        return self.answer


def scope(path: str, *, method: str = "GET", **headers: str) -> Message:
    """Return the scope of a request; `x_y` in `headers` stands for `X-Y`."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "headers": [
            (b"host", b"localhost"),
            *((name.lower().encode(), value.encode()) for name, value in named),
        ],
    }
