"""The short way past what only pages need."""

import pytest

from messaging.tests.posting import post
from messaging.urls import PATHS


@pytest.mark.django_db
def test_a_post_passes_by_sessions_and_pages_but_not_by_security(settings):
    settings.SECURE_SSL_REDIRECT = True

    plain = post(b"{}")
    secure = post(b"{}", secure=True)

    assert (plain.status_code, secure.status_code) == (301, 200)
    assert plain["Location"].startswith("https://")
    assert set(dict(secure.items())) == {
        "Content-Type",
        "Content-Length",
        "Content-Security-Policy",
        "X-Content-Type-Options",
        "Referrer-Policy",
        "Cross-Origin-Opener-Policy",
    }


def test_only_the_webhooks_own_addresses_take_the_short_way() -> None:
    assert {"/webhooks/whatsapp/", "/webhooks/whatsapp"} == PATHS
