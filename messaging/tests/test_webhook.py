"""The door that WhatsApp knocks on: who is let in, and what each hears."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import close_old_connections, connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.http import HttpResponse
from django.test import Client

from messaging.models import WebhookEvent
from messaging.tests.bodies import message, message_body
from messaging.tests.posting import WEBHOOK, post, signature
from tenants.tests.factories import WhatsAppNumberFactory

HANDSHAKE = {
    "hub.mode": "subscribe",
    "hub.verify_token": "our token",
    "hub.challenge": "1158201444",
}


@pytest.fixture(autouse=True)
def _verify_token(settings):
    settings.WHATSAPP_VERIFY_TOKEN = "our token"


def in_thread(act: Callable[[], Any]) -> Any:
    """Run in a thread, which has a database connection of its own."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()
    thread.join(30)
    (result,) = results
    return result


def test_the_handshake_echoes_the_challenge_as_plain_text():
    challenge = "<script>alert(1)</script>"

    response = Client().get(WEBHOOK, HANDSHAKE | {"hub.challenge": challenge})

    assert (response.status_code, response.content.decode()) == (200, challenge)
    assert response["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "changed",
    [
        {"hub.verify_token": "another"},
        {"hub.verify_token": "öur tøken"},
        {"hub.verify_token": ""},
        {"hub.mode": "unsubscribe"},
    ],
)
def test_a_handshake_without_our_token_is_refused(changed):
    response = Client().get(WEBHOOK, HANDSHAKE | changed)

    assert response.status_code == 403
    assert b"1158201444" not in response.content


def test_an_unset_verify_token_lets_nobody_in(settings):
    settings.WHATSAPP_VERIFY_TOKEN = ""

    response = Client().get(WEBHOOK, HANDSHAKE | {"hub.verify_token": ""})

    assert response.status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize(
    "raw",
    [
        message_body(message(text={"body": "äöå / @ < % \u0000 🚀"})),
        json.dumps({"text": "äöå"}, ensure_ascii=False).encode(),
        b"\x00\xff not json at all",
        b"{}",
    ],
)
def test_a_signed_body_is_stored_byte_for_byte(raw):
    response = post(raw)

    assert response.status_code == 200
    event = WebhookEvent.objects.get()
    assert bytes(event.body) == raw
    assert (event.status, event.signed_by) == ("pending", "app")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=äöå",
        "sha256=" + "0" * 64,
        "sha1=" + "0" * 40,
        signature(b"{}", "another secret"),
        signature(b'{"other": "body"}'),
        signature(b"{}").removeprefix("sha256="),
        signature(b"{}", ""),
    ],
)
def test_an_unsigned_body_always_hears_the_same_and_is_not_stored(header):
    headers = {} if header is None else {"X-Hub-Signature-256": header}

    response = Client().post(
        WEBHOOK, data=b"{}", content_type="application/json", headers=headers
    )

    assert response.status_code == 403
    assert response.content == b"Not signed with a secret we know."
    assert not WebhookEvent.objects.exists()


@pytest.mark.django_db
def test_an_empty_secret_signs_for_nobody(settings):
    settings.WHATSAPP_APP_SECRET = [""]
    WhatsAppNumberFactory.create(app_secret="")

    assert post(b"{}", secret="").status_code == 403


@pytest.mark.django_db
def test_while_a_secret_is_rotated_both_are_good(settings):
    settings.WHATSAPP_APP_SECRET = ["new", "old"]

    assert post(b"{}", secret="new").status_code == 200
    assert post(b"{}", secret="old").status_code == 200


@pytest.mark.django_db
def test_a_number_may_have_a_secret_of_its_own():
    own = WhatsAppNumberFactory.create(app_secret="the tenant's own app")

    response = post(b"{}", secret="the tenant's own app")

    assert response.status_code == 200
    assert WebhookEvent.objects.get().signed_by == own.phone_number_id


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("size", "status"), [(4 * 1024 * 1024, 200), (4 * 1024 * 1024 + 1, 413)]
)
def test_the_largest_body_whatsapp_sends_is_taken_and_no_larger(size, status):
    response = post(b" " * size)

    assert response.status_code == status
    assert WebhookEvent.objects.count() == (status == 200)


@pytest.mark.django_db
def test_a_forgotten_slash_loses_no_post():
    assert post(b"{}", path="/webhooks/whatsapp").status_code == 200


@pytest.mark.django_db
def test_nobody_asks_whatsapp_for_a_csrf_token():
    response = Client(enforce_csrf_checks=True).post(
        WEBHOOK,
        data=b"{}",
        content_type="application/json",
        headers={"X-Hub-Signature-256": signature(b"{}")},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete", "head", "options"])
def test_other_methods_are_refused(method):
    response = getattr(Client(), method)(WEBHOOK)

    assert response.status_code == 405
    assert response["Allow"] == "GET, POST"


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_database_is_answered_503_so_that_meta_sends_again():
    def post_without_database() -> HttpResponse:
        nowhere = connections.settings["default"] | {"HOST": "127.0.0.1", "PORT": "1"}
        nowhere["OPTIONS"] = {}
        connections["default"] = DatabaseWrapper(nowhere, "default")
        return post(b"{}")

    response = in_thread(post_without_database)

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert b"Error" not in response.content


@pytest.mark.django_db(transaction=True)
def test_a_database_that_drops_the_connection_is_answered_503():
    def post_with_a_killed_connection() -> tuple[HttpResponse, HttpResponse]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        in_thread(lambda: kill(pid))
        first = post(b"{}")
        close_old_connections()  # as a server does between requests
        second = post(b"{}")
        connection.close()
        return first, second

    def kill(pid: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        connection.close()

    first, second = in_thread(post_with_a_killed_connection)

    assert (first.status_code, second.status_code) == (503, 200)
    assert WebhookEvent.objects.count() == 1


@pytest.mark.django_db
def test_a_table_that_cannot_be_written_is_answered_503():
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE webhook_events ADD CONSTRAINT no_more CHECK (id < 0)"
        )

    response = post(b"{}")

    assert response.status_code == 503
