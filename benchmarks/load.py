"""Post over HTTP as hard, or as evenly, as wanted, and time every answer.

Raw sockets in one loop: a client library would take more of the two cores than what
is measured.
"""

import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

_HOST = "127.0.0.1"
_GIVE_UP_SECONDS = 10.0
_TICK_SECONDS = 0.005


@dataclass(slots=True)
class Load:
    """What came of a load: answers by status, and the seconds each took."""

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Return how many posts a second were answered 200."""
        return self.statuses[200] / self.seconds


@dataclass(slots=True, eq=False)
class _Line:
    """A kept-alive connection with at most one request under way."""

    socket: socket.socket
    number: int = 0  # of the request under way
    sent_at: float = 0.0
    received: bytes = b""


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def request(*, path: str, port: int, body: bytes, signature: str) -> bytes:
    """Return a POST as Meta sends it."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {_HOST}:{port}\r\nAccept: */*\r\n"
        "User-Agent: facebookexternalua\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def post(
    requests: Iterator[bytes],
    *,
    port: int,
    connections: int,
    seconds: float,
    rate: float | None = None,
    answered: Callable[[int, float], None] = lambda number, at: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Load:
    """Post for some seconds: each connection as fast as it is answered, or at a rate.

    `answered` hears of each request's number and of when its answer came; `meanwhile`
    is called often.
    """
    load = Load()
    lines = {line.socket.fileno(): line for line in _connect(port, connections)}
    free = list(lines.values())
    poll = select.epoll()
    for number in lines:
        poll.register(number, select.EPOLLIN)
    sent_count = 0
    began_at = time.perf_counter()
    while True:
        now = time.perf_counter()
        while free and now < began_at + seconds:
            if rate and sent_count > (now - began_at) * rate:
                break
            _send(free.pop(), next(requests), sent_count)
            sent_count += 1
        meanwhile()
        if len(free) == len(lines) and now >= began_at + seconds:
            break
        events = poll.poll(_TICK_SECONDS if rate else _GIVE_UP_SECONDS)
        if not events and not rate:
            raise TimeoutError(f"No answer within {_GIVE_UP_SECONDS} s.")
        for number, _ in events:
            line = lines[number]
            if status := _receive(line):
                at = time.perf_counter()
                load.statuses[status] += 1
                load.latencies.append(at - line.sent_at)
                answered(line.number, at)
                free.append(line)
    load.seconds = time.perf_counter() - began_at
    poll.close()
    for line in lines.values():
        line.socket.close()
    return load


def _connect(port: int, connections: int) -> Iterator[_Line]:
    for _ in range(connections):
        connected = socket.create_connection((_HOST, port), timeout=_GIVE_UP_SECONDS)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield _Line(connected)


def _send(line: _Line, data: bytes, number: int) -> None:
    line.number = number
    line.received = b""
    line.sent_at = time.perf_counter()
    line.socket.sendall(data)


def _receive(line: _Line) -> int | None:
    """Return the answer's status once all of it is there."""
    arrived = line.socket.recv(65536)
    if not arrived:
        raise ConnectionError("The server hung up.")
    line.received += arrived
    head, end, body = line.received.partition(b"\r\n\r\n")
    if not end:
        return None
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    if len(body) < int(length or 0):
        return None
    return int(head[9:12])
