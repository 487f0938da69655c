"""Passwords are hashed one at a time in each process, below everything else's priority.

A hash takes half a second of CPU, on purpose. Many logins at once would take all cores
from the webhook, and all threads of pages. So one is worked on, a few wait for some
seconds, and every further one is refused at once.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.contrib.auth.hashers import PBKDF2PasswordHasher

# Each of them holds a thread, of which pages have 12.
MAX_WAITING = 6
WAIT_SECONDS = 5.0
# Threads of Linux have a priority of their own. At 10 one gets a tenth of a core that
# others want, and a whole one that nobody wants.
_NICENESS = 10


class TooManyLogins(Exception):
    """More passwords are to be hashed than this process takes on."""


_places = threading.BoundedSemaphore(1 + MAX_WAITING)
_turn = threading.Lock()
_mine = threading.local()


@contextmanager
def place_in_line() -> Iterator[None]:
    """Be one of those who may wait; raises `TooManyLogins` at once where too many do.

    Whoever has a place may ask again, and has it still.
    """
    if getattr(_mine, "place", False):
        yield
        return
    if not _places.acquire(blocking=False):
        raise TooManyLogins
    _mine.place = True
    try:
        yield
    finally:
        _mine.place = False
        _places.release()


@contextmanager
def hashing_turn() -> Iterator[None]:
    """Wait for this process's one turn to hash; raises `TooManyLogins`.

    Whoever has it may ask again, and has it still.
    """
    if getattr(_mine, "turn", False):
        yield
        return
    with place_in_line():
        if not _turn.acquire(timeout=WAIT_SECONDS):
            raise TooManyLogins
        _mine.turn = True
        try:
            yield
        finally:
            _mine.turn = False
            _turn.release()


class BoundedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's own hasher, in turn. Making, checking and upgrading all come by here."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with (
            hashing_turn(),
            ThreadPoolExecutor(1, initializer=_lower_priority) as thread,
        ):
            # OpenSSL lets go of the interpreter meanwhile.
            return thread.submit(super().encode, password, salt, iterations).result()


def _lower_priority() -> None:
    thread = threading.get_native_id()
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, max(niceness, _NICENESS))
