"""Cookies that are no session's."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "cookie", ['"abcdefgh\\000"', "abcdefgh\0", "ABCDEFGHIJ", "x" * 5000, "नाम" * 9, ""]
)
def test_a_cookie_that_is_no_sessions_is_that_of_nobody(cookie: str) -> None:
    client = Client()
    sent = cookie.encode().decode("latin-1")

    answer = client.get(reverse("admin:index"), headers={"Cookie": f"sessionid={sent}"})

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_whoever_logged_in_stays_so(client: Client, owner: User) -> None:
    assert client.get(reverse("admin:index")).status_code == 200
