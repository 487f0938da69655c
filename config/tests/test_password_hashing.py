"""Hashing, and so logging in, with real threads and Django's real hasher."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from config.logins import hashing
from config.logins.hashing import (
    MAX_WAITING,
    BoundedPBKDF2PasswordHasher,
    TooManyLogins,
    hashing_turn,
)
from config.logins.limits import PAIR_LIMIT

LOGIN = reverse("admin:login")
PRODUCTS = "config.logins.hashing.BoundedPBKDF2PasswordHasher"


@pytest.fixture
def real_hasher(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PASSWORD_HASHERS = [PRODUCTS]
    monkeypatch.setattr(BoundedPBKDF2PasswordHasher, "iterations", 1000)


@pytest.fixture
def taken_turn() -> Iterator[Callable[[], None]]:
    """Somebody hashes for as long as the test likes."""
    has_it, may_end = threading.Event(), threading.Event()

    def hash_for_long() -> None:
        with hashing_turn():
            has_it.set()
            may_end.wait(60)

    thread = threading.Thread(target=hash_for_long)
    thread.start()
    has_it.wait(60)
    yield may_end.set
    may_end.set()
    thread.join(60)


def wait_in_line(
    pool: ThreadPoolExecutor, work: Callable[[], Any]
) -> list[Future[Any]]:
    """Have as many wait as may, and return once they do."""
    waiting = [pool.submit(work) for _ in range(MAX_WAITING)]
    while hashing._places._value:
        pass
    return waiting


@pytest.mark.usefixtures("real_hasher")
def test_the_hash_is_djangos() -> None:
    ours = make_password("right", salt="salt")
    hasher = PBKDF2PasswordHasher()

    assert ours == hasher.encode("right", "salt", 1000)
    assert hasher.verify("right", ours)


@pytest.mark.usefixtures("real_hasher")
def test_a_hash_is_made_in_a_thread_that_yields_to_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int, int]] = []

    def encode(*_: Any) -> str:
        thread = threading.get_native_id()
        seen.append((thread, os.getpriority(os.PRIO_PROCESS, thread)))
        return "hash"

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", encode)
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    make_password("right")

    ((thread, niceness),) = seen
    assert thread != threading.get_native_id()
    assert niceness == max(before, 10)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


@pytest.mark.usefixtures("real_hasher")
def test_one_hashes_some_wait_and_every_further_one_is_refused_at_once(
    taken_turn: Callable[[], None],
) -> None:
    with ThreadPoolExecutor(MAX_WAITING) as pool:
        waiting = wait_in_line(pool, lambda: make_password("right"))

        with pytest.raises(TooManyLogins):
            make_password("right")
        assert not any(one.done() for one in waiting)

        taken_turn()

        assert all(one.result(60) for one in waiting)
    assert make_password("right")  # nobody is left in the way


@pytest.mark.usefixtures("real_hasher", "taken_turn")
def test_who_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.01)

    with pytest.raises(TooManyLogins):
        make_password("right")


@pytest.mark.usefixtures("real_hasher")
def test_never_two_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, most = [], []
    django = PBKDF2PasswordHasher.encode

    def encode(*arguments: Any) -> str:
        at_work.append(1)
        most.append(len(at_work))
        made: str = django(*arguments)
        at_work.pop()
        return made

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", encode)
    with ThreadPoolExecutor(MAX_WAITING) as pool:
        list(pool.map(make_password, ["right"] * MAX_WAITING))

    assert most == [1] * MAX_WAITING


def test_whoever_has_the_turn_may_ask_again_and_gives_it_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), hashing_turn(), hashing_turn():
        raise ZeroDivisionError
    with hashing_turn():
        pass


# The pages


@pytest.mark.django_db
@pytest.mark.usefixtures("real_hasher", "taken_turn")
@pytest.mark.parametrize("name", ["owner", "nobody"])
def test_a_login_too_many_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    User.objects.create_superuser("owner")
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.01)

    response = Client().post(LOGIN, {"username": name, "password": "wrong"})

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Too many logins at once" in response.content.decode()
    assert "Try again in a few seconds" in response.content.decode()
    assert not AccessAttempt.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("real_hasher")
def test_every_page_that_hashes_waits_its_turn(
    client: Client, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    owner = User.objects.create_superuser("owner", password="right")
    client.force_login(owner)
    new = {"password1": "correct horse", "password2": "correct horse"}
    pages: dict[str, dict[str, str]] = {
        reverse("admin:auth_user_add"): {"username": "asha", **new},
        reverse("admin:auth_user_password_change", args=[owner.pk]): new,
        reverse("admin:password_change"): {
            "old_password": "right",
            "new_password1": "correct horse",
            "new_password2": "correct horse",
        },
    }
    request.getfixturevalue("taken_turn")
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0.01)

    codes = [client.post(page, posted).status_code for page, posted in pages.items()]

    assert codes == [503] * len(pages)
    assert list(User.objects.values_list("username", flat=True)) == ["owner"]
    owner.refresh_from_db()
    assert owner.password.startswith("pbkdf2_sha256$1000$")


@pytest.mark.django_db
@pytest.mark.usefixtures("real_hasher")
def test_a_password_of_weaker_times_is_made_stronger_at_login() -> None:
    owner = User.objects.create_superuser("owner")
    User.objects.update(password=PBKDF2PasswordHasher().encode("right", "salt" * 6, 10))

    response = Client().post(LOGIN, {"username": "owner", "password": "right"})

    assert response.status_code == 302
    owner.refresh_from_db()
    assert owner.password.startswith("pbkdf2_sha256$1000$")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("real_hasher")
def test_guesses_that_are_sent_together_are_limited_like_any() -> None:
    User.objects.create_superuser("owner", password="right")

    def guess(number: int) -> int:
        try:
            posted = {"username": "owner", "password": f"wrong {number}"}
            return int(Client().post(LOGIN, posted).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(MAX_WAITING) as pool:
        codes = list(pool.map(guess, range(3 * MAX_WAITING)))

    assert codes.count(200) == PAIR_LIMIT - 1
    assert set(codes) <= {200, 429, 503}
    assert AccessAttempt.objects.get().failures_since_start == PAIR_LIMIT
