"""Everybody logs in at once; WhatsApp's posts are answered meanwhile as ever."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from config.management.commands.start import HOST
from messaging.tests.bodies import PHONE_NUMBER_ID, WABA_ID
from tests.faults.system import System, running
from tests.faults.test_webhook import REGISTER, Load, body_of

LOGINS = 150
# The figure. A machine whose cores are busy with something else is slower.
_POST_SECONDS = 1.0

MAKE_STAFF = """
from django.contrib.auth.models import User
User.objects.create_superuser("owner", password="right")
"""


class Posts:
    """Signed posts, one after the other; how long each took is noted."""

    def __init__(self, port: int) -> None:
        self.load = Load(port)
        self.seconds: list[float] = []
        self.stopped = threading.Event()

    def send(self) -> None:
        while not self.stopped.is_set():
            began_at = time.monotonic()
            number = len(self.seconds)
            assert self.load.is_accepted(
                body_of(f"wamid.{number}", person_number=number % 9)
            )
            self.seconds.append(time.monotonic() - began_at)


def log_in(port: int, *, name: str, password: str) -> int:
    client = http.client.HTTPConnection(HOST, port, timeout=60)
    form = {"username": name, "password": password, "csrfmiddlewaretoken": "a" * 32}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={'a' * 32}",
    }
    try:
        client.request("POST", "/admin/login/", urlencode(form), headers)
        return client.getresponse().status
    finally:
        client.close()


def posts_meanwhile(system: System, act: Callable[[], None]) -> list[float]:
    posts = Posts(system.port)
    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(posts.send)
        try:
            act()
        finally:
            posts.stopped.set()
        sending.result()
    return posts.seconds


@pytest.mark.faults
def test_a_hundred_and_fifty_logins_at_once_delay_no_post() -> None:
    with running("web") as system:
        system.script(REGISTER, PHONE_NUMBER_ID, WABA_ID)
        system.script(MAKE_STAFF)
        codes: list[int] = []
        for _ in range(40):  # in both processes: the first one loads every page
            assert log_in(system.port, name="owner", password="") == 200

        def all_at_once() -> None:
            together = threading.Barrier(LOGINS)

            def one(number: int) -> int:
                together.wait(60)
                # Names of their own: none is refused for what another did.
                return log_in(system.port, name=f"clerk{number}", password="wrong")

            with ThreadPoolExecutor(LOGINS) as pool:
                codes.extend(pool.map(one, range(LOGINS)))

        seconds = posts_meanwhile(system, all_at_once)

        assert len(codes) == LOGINS
        assert set(codes) <= {200, 429, 503}, Counter(codes)
        assert codes.count(503) > LOGINS / 2
        assert max(seconds) < _POST_SECONDS, sorted(seconds)[-5:]
        assert log_in(system.port, name="owner", password="right") in (302, 429)
        print(Counter(codes), len(seconds), sorted(seconds)[-5:])  # noqa: T201
