"""Logins that fail: counted, locked, told, logged, and let in again."""

import logging
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.logins.addresses import UNKNOWN, client_address, counted_address
from config.logins.limits import (
    ACCOUNT_LIMIT,
    ADDRESS_LIMIT,
    PAIR_LIMIT,
    WINDOW,
    locked_until,
)
from tenants.tests.factories import TenantFactory, clerk_of

pytestmark = pytest.mark.django_db

LOGIN = reverse("admin:login")
OFFICE, ELSEWHERE = "198.51.100.1", "203.0.113.7"


@pytest.fixture(autouse=True)
def asha() -> User:
    user = clerk_of(TenantFactory.create())
    user.username = "asha"
    user.set_password("right")
    user.save()
    return user


def log_in(
    name: str = "asha",
    *,
    password: str = "",
    address: str = OFFICE,
    **headers: str,
) -> Any:
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(LOGIN, {"username": name, "password": password or "wrong"})


def fail(times: int, name: str = "asha", *, address: str = OFFICE) -> list[int]:
    return [log_in(name, address=address).status_code for _ in range(times)]


def is_let_in(**where: str) -> bool:
    return bool(log_in(password="right", **where).status_code == 302)


def pass_time(by: timedelta) -> None:
    for attempt in AccessAttempt.objects.all():
        attempt.attempt_time -= by
        attempt.save()


def test_an_account_is_locked_at_an_address_with_its_fifth_failure() -> None:
    assert fail(PAIR_LIMIT - 1) == [200] * (PAIR_LIMIT - 1)
    assert log_in().status_code == 429

    right = log_in(password="right")

    assert right.status_code == 429
    assert 0 < int(right["Retry-After"]) <= WINDOW.total_seconds()
    page = right.content.decode()
    assert "for 15 more minutes" in page
    assert "ask whoever looks after the staff of your office" in page
    assert "no-store" in right["Cache-Control"]


def test_a_lock_is_over_after_its_time_and_refusals_do_not_lengthen_it() -> None:
    fail(PAIR_LIMIT + 3)

    pass_time(WINDOW - timedelta(seconds=20))
    assert not is_let_in()
    pass_time(timedelta(seconds=21))

    assert log_in().status_code == 200  # one failure, not the sixth
    assert is_let_in()


def test_one_address_locks_nobody_out_elsewhere() -> None:
    fail(60, address=ELSEWHERE)

    assert is_let_in(address=OFFICE)


def test_many_addresses_that_guess_one_account_are_limited_together() -> None:
    addresses = [f"203.0.113.{n}" for n in range(10)]

    tried = [code for one in addresses for code in fail(3, address=one)]

    assert tried.count(200) == ACCOUNT_LIMIT - 1
    assert not is_let_in(address="192.0.2.9")


def test_whoever_logged_in_from_an_address_before_is_not_locked_out_by_others() -> None:
    assert is_let_in(address=OFFICE)

    for n in range(10):
        fail(PAIR_LIMIT, address=f"203.0.113.{n}")

    assert not is_let_in(address="192.0.2.9")
    assert is_let_in(address=OFFICE)


def test_one_address_that_guesses_many_accounts_is_limited() -> None:
    tried = [log_in(f"clerk{n}").status_code for n in range(ADDRESS_LIMIT + 5)]

    assert tried == [200] * (ADDRESS_LIMIT - 1) + [429] * 6
    assert not is_let_in()


def test_colleagues_behind_one_router_are_not_locked_out_by_ones_typos() -> None:
    for colleague in ("ravi", "meera", "vikram"):
        fail(PAIR_LIMIT + 3, colleague)

    assert is_let_in()


def test_a_login_forgets_its_own_failures_and_no_others() -> None:
    fail(3)
    fail(3, "ravi")

    assert is_let_in()

    assert list(AccessAttempt.objects.values_list("username", flat=True)) == ["ravi"]
    assert AccessLog.objects.get().ip_address == OFFICE


@pytest.mark.parametrize("name", ["asha", "nobody"])
def test_an_account_that_is_not_there_is_answered_like_one_that_is(name: str) -> None:
    answers = [log_in(name) for _ in range(PAIR_LIMIT + 1)]

    assert [one.status_code for one in answers] == [200] * 4 + [429] * 2
    texts = [re.sub('value="[^"]*"', "", one.content.decode()) for one in answers]
    assert len(set(texts[:4])) == 1
    assert "Please enter the correct username and password" in texts[0]


def test_a_locked_login_hashes_no_password(settings: Any) -> None:
    fail(PAIR_LIMIT)
    settings.PASSWORD_HASHERS = ["hashers.that.are.not.there"]

    assert log_in().status_code == 429


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 5000, id="long"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("", id="blank"),
    ],
)
def test_a_name_that_is_none_is_refused_and_breaks_nothing(name: str) -> None:
    body = b"username=" + name.encode("utf-8", "surrogatepass") + b"&password=x"

    response = Client().post(
        LOGIN, body, content_type="application/x-www-form-urlencoded"
    )

    assert response.status_code == 200


def test_a_session_outlives_the_lock_of_its_account(client: Client, asha: User) -> None:
    client.force_login(asha)

    fail(PAIR_LIMIT)

    assert client.get(reverse("admin:index")).status_code == 200


# The address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "192.0.2.1", OFFICE),
        (1, "", OFFICE),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "made up, 6.6.6.6, 192.0.2.1", "192.0.2.1"),
        (2, "6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        (2, "192.0.2.1", OFFICE),
        (1, "192.0.2.1:5555", "192.0.2.1"),
        (1, "[2001:db8::1]:5555", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "::ffff:192.0.2.1", "192.0.2.1"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, "made up", OFFICE),
    ],
)
def test_only_what_a_trusted_proxy_wrote_is_the_address(
    settings: Any, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get(
        "/", REMOTE_ADDR=OFFICE, headers={"X-Forwarded-For": forwarded}
    )

    assert client_address(request) == address


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", UNKNOWN),
        ("unix:", UNKNOWN),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(address: str, counted: str) -> None:
    assert counted_address(RequestFactory().get("/", REMOTE_ADDR=address)) == counted


def test_a_made_up_header_escapes_no_lock() -> None:
    for n in range(PAIR_LIMIT):
        log_in(**{"X-Forwarded-For": f"192.0.2.{n}"})

    assert log_in(**{"X-Forwarded-For": "192.0.2.99"}).status_code == 429


def test_neither_another_browser_nor_another_address_of_a_network_escapes() -> None:
    for n in range(PAIR_LIMIT):
        log_in(address=f"2001:db8::{n}", **{"User-Agent": f"browser {n}"})

    assert log_in(address="2001:db8::99").status_code == 429


# The log


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines as the server prints them."""
    line = django_settings.LOGGING["formatters"]["line"]["format"]
    formatter = logging.Formatter(line)
    return [
        formatter.format(one) for one in caplog.records if one.name == "config.logins"
    ]


def pattern_of_the_documentation() -> re.Pattern[str]:
    """Return fail2ban's pattern of docs/operations.md, as fail2ban compiles it."""
    text = (django_settings.BASE_DIR / "docs" / "operations.md").read_text()
    (written,) = re.findall(r"^ +failregex = (.+)$", text, re.MULTILINE)
    assert written.count("<HOST>") == 1
    host = r"(?:::f{4,6}:)?(?P<host>[\w\-.^_]*\w|[0-9a-fA-F:]+)"
    return re.compile(written.replace("<HOST>", host))


def as_fail2ban_reads(line: str) -> str:
    """Take the time out of a line, as fail2ban does before it looks at the rest."""
    time = r"\w{3} \d\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    return re.sub(time, "", line, count=1)


JOURNAL = "Nov 29 06:46:28 host granian[123]: "


@pytest.mark.parametrize("prefix", ["", "web    | ", "web-1  | ", JOURNAL])
@pytest.mark.parametrize("address", [OFFICE, "2001:db8::1"])
def test_fail2ban_reads_the_line_of_a_failure(
    caplog: pytest.LogCaptureFixture, address: str, prefix: str
) -> None:
    fail(PAIR_LIMIT + 1, address=address)

    lines = [as_fail2ban_reads(prefix + line) for line in lines_of(caplog)]

    found = [pattern_of_the_documentation().search(line) for line in lines]
    assert [one and one["host"] for one in found] == [address] * (PAIR_LIMIT + 1)


def test_a_name_is_masked_in_the_log_and_cannot_write_a_line_of_its_own(
    caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    forged = "x\n2026-11-28 WARNING config.logins: Login failed: address=6.6.6.6 wrong"
    log_in(forged)
    settings.LOG_PERSONAL_DATA = True
    log_in(forged)

    masked, whole = lines_of(caplog)

    assert masked.endswith(f"Login failed: address={OFFICE} wrong account=x***")
    assert "\n" not in masked + whole
    found = pattern_of_the_documentation().search(as_fail2ban_reads(whole))
    assert found
    assert found["host"] == OFFICE


def test_no_line_of_the_log_names_the_account_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(PAIR_LIMIT + 1, "somebody")
    is_let_in()

    assert "somebody" not in caplog.text
    assert "asha" not in caplog.text


# The way back


def unlock(*arguments: str) -> str:
    out = StringIO()
    call_command("unlock_logins", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    "arguments", [["--user", "asha"], ["--address", OFFICE], ["--all"]]
)
def test_an_operator_lets_somebody_in_again(arguments: list[str]) -> None:
    fail(PAIR_LIMIT)
    listed = unlock()

    assert "'asha'" in listed
    assert OFFICE in listed
    assert "locked until" in listed
    assert unlock(*arguments) == "Forgotten: 1. They may log in at once.\n"
    assert is_let_in()


def test_an_operator_who_mistypes_is_told_so() -> None:
    fail(PAIR_LIMIT)

    with pytest.raises(CommandError, match="No login failed there"):
        unlock("--user", "ashaa")
    for address in ("999.1", "office.example", "203.0.113.0/24"):
        with pytest.raises(CommandError, match="is no address"):
            unlock("--address", address)
    assert not is_let_in()


def test_a_superuser_unlocks_in_the_admin(client: Client, owner: User) -> None:
    fail(PAIR_LIMIT)
    page = reverse("admin:axes_accessattempt_changelist")
    attempt = AccessAttempt.objects.get()

    shown = client.get(page).content.decode()
    client.post(page, {"action": "unlock", "_selected_action": [attempt.pk]})

    assert OFFICE in shown
    assert is_let_in()


def test_the_list_asks_as_much_for_many_as_for_one(
    client: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    page = reverse("admin:axes_accessattempt_changelist")
    fail(1)
    with CaptureQueriesContext(connection) as one:
        client.get(page)
    count = len(one)  # the next request begins a new list
    for n in range(20):
        fail(1, f"clerk{n}")

    with django_assert_max_num_queries(count):
        shown = client.get(page)

    assert shown.context["cl"].result_count == 21


@pytest.mark.parametrize("name", ["accessattempt", "accesslog"])
def test_the_lists_are_for_superusers_only(
    client: Client, asha: User, name: str
) -> None:
    fail(PAIR_LIMIT)
    client.force_login(asha)
    page = reverse(f"admin:axes_{name}_changelist")

    assert client.get(page).status_code == 403
    assert client.post(page, {"action": "unlock"}).status_code == 403
    assert AccessAttempt.objects.exists()


def test_what_is_kept_of_a_failure_is_who_where_when_and_how_often() -> None:
    log_in(password="my secret", **{"User-Agent": "x" * 9000, "Accept": "y" * 9000})

    attempt = AccessAttempt.objects.get()

    assert (attempt.username, attempt.ip_address) == ("asha", OFFICE)
    assert attempt.failures_since_start == 1
    assert attempt.get_data + attempt.post_data == ""
    assert attempt.user_agent + attempt.http_accept == ""


def test_a_lock_ends_when_enough_failures_lie_behind_the_window() -> None:
    now = timezone.now()
    for n in range(ADDRESS_LIMIT // 5 + 1):
        AccessAttempt.objects.create(
            username=f"clerk{n}", ip_address=OFFICE, failures_since_start=5
        )
        AccessAttempt.objects.filter(username=f"clerk{n}").update(
            attempt_time=now - WINDOW + timedelta(minutes=n + 1)
        )

    # 35 failures: below 30 once the two oldest pairs are past.
    until = locked_until(account="asha", address=OFFICE, now=now)

    assert until == now + timedelta(minutes=2)
