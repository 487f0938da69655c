"""The application as the server calls it: pages in threads, posts beside them."""

import asyncio
import hashlib
import hmac
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connections
from django.http import StreamingHttpResponse
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from config.server.application import Application
from config.server.file_senders import FILE_ADDRESSES
from config.server.pages import PageHandler
from config.server.request_body import BodyLimits, Memory
from config.server.webhook import WebhookEndpoint
from config.tests.asgi_client import Answer, Client, on_an_event_loop, scope
from messaging.models import WebhookEvent
from tenants.models import ApiClient
from tenants.tests.factories import TenantFactory, clerk_of
from tenants.tokens import issue_token
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a secret of ours"
WEBHOOK = "/webhooks/whatsapp/"
ADD_FILE = "/admin/uploads/fileupload/add/"


@pytest.fixture(autouse=True)
def _settings(settings: Any, tmp_path: Path) -> None:
    settings.WHATSAPP_APP_SECRET = [SECRET]
    settings.MEDIA_ROOT = str(tmp_path / "kept")
    settings.STATIC_URL = "/static/"


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    close_threads(application.pages)


def close_threads(pages: PageHandler) -> None:
    """Give back the threads, and with them the database's connections."""
    pages.threads.shutdown()
    pages.health_threads.shutdown()
    pages.download_threads.shutdown()


@pytest.fixture
def session(transactional_db: None) -> str:
    """The cookie of a clerk who is logged in."""
    browser = Browser()
    browser.force_login(clerk_of(TenantFactory.create()))
    return f"sessionid={browser.cookies['sessionid'].value}"


def signed(body: bytes, **headers: str) -> Any:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return scope(
        WEBHOOK, method="POST", X_Hub_Signature_256=f"sha256={digest}", **headers
    )


def stored() -> list[bytes]:
    return [bytes(event.body) for event in WebhookEvent.objects.order_by("id")]


@contextmanager
def locked(table: str) -> Iterator[None]:
    """Let every page that reads a table wait."""
    params = connections["default"].get_connection_params()
    params.pop("cursor_factory")
    with psycopg.connect(**params) as other:
        other.execute(f"LOCK TABLE {table}")
        yield


async def in_thread(function: Any) -> Any:
    """Run what asks the database beside the event loop, and close its connection."""

    def run() -> Any:
        try:
            return function()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


@on_an_event_loop
async def test_a_signed_post_is_stored_byte_for_byte(application):
    answer = await Client([b'{"a":', b" 1}\n"]).ask(application, signed(b'{"a": 1}\n'))

    assert (answer.status, answer.body) == (200, b"stored")
    assert await in_thread(stored) == [b'{"a": 1}\n']
    assert set(answer.headers) == {
        "content-type",
        "content-length",
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-opener-policy",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Transfer-Encoding": "chunked"},
        {"Content-Length": "4194304"},
    ],
    ids=["no length", "chunked", "length"],
)
@on_an_event_loop
async def test_the_largest_body_whatsapp_sends_is_taken(application, headers):
    body = b" " * 4 * 2**20
    pieces = [body[:1_000_000], body[1_000_000:]]

    answer = await Client(pieces).ask(application, signed(body, **headers))

    assert answer.status == 200
    assert await in_thread(stored) == [body]


@on_an_event_loop
async def test_a_larger_body_is_refused_and_the_connection_closed(application):
    body = b" " * (4 * 2**20 + 1)

    answer = await Client([body]).ask(application, signed(body))

    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert answer.body == b"Larger than anything WhatsApp sends."
    assert await in_thread(stored) == []


@on_an_event_loop
async def test_a_header_with_underscores_is_no_signature(application):
    right = signed(b"{}")
    right["headers"] = [
        (name.replace(b"x-hub-signature-256", b"x_hub_signature_256"), value)
        for name, value in right["headers"]
    ]

    answer = await Client([b"{}"]).ask(application, right)

    assert answer.status == 403


@on_an_event_loop
async def test_http_is_redirected_by_the_proxys_word_alone(application, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    plain, secure, spoofed = signed(b"{}"), signed(b"{}"), signed(b"{}")
    secure["headers"].append((b"x-forwarded-proto", b"https"))
    spoofed["headers"].append((b"x_forwarded_proto", b"https"))
    # The middleware reads this when it is made.
    application = Application()

    answers = [
        await Client([b"{}"]).ask(application, asked)
        for asked in (plain, secure, spoofed)
    ]
    close_threads(application.pages)

    assert [answer.status for answer in answers] == [301, 200, 301]
    assert answers[0].headers["location"].startswith("https://")


@on_an_event_loop
async def test_a_slow_body_is_given_up_and_nothing_is_stored():
    limits = BodyLimits(max_bytes=1000, seconds=0.05)
    webhook = WebhookEndpoint(memory=Memory(1000), limits=limits)
    pages = PageHandler(memory=Memory(1000), form=limits)

    slow_post = await Client([b"{"], ends=False).ask(webhook, signed(b"{}"))
    slow_login = await Client([b"username="], ends=False).ask(
        pages, scope("/admin/login/", method="POST")
    )
    close_threads(pages)

    assert (slow_post.status, slow_login.status) == (408, 408)
    assert slow_login.headers["connection"] == "close"
    assert b"too slowly" in slow_login.body
    assert await in_thread(stored) == []


@on_an_event_loop
async def test_posts_and_health_are_answered_while_every_page_waits(session):
    application = Application()
    application.pages = pages = PageHandler(
        memory=Memory(2**20), threads=1, max_waiting=1
    )
    with locked("django_session"):
        waiting = [
            asyncio.ensure_future(
                Client().ask(application, scope("/admin/", cookie=session))
            )
            for _ in range(2)
        ]
        while pages.requests < 2:
            await asyncio.sleep(0.001)

        refused = await Client().ask(application, scope("/admin/"))
        refused_api = await Client().ask(application, scope("/api/v1/contacts/"))
        health = await Client().ask(application, scope("/healthz"))
        post = await Client([b"{}"]).ask(application, signed(b"{}"))

    assert [answer.status for answer in (refused, refused_api)] == [503, 503]
    assert int(refused.headers["retry-after"]) > 0
    assert b"Too many requests" in refused.body
    assert b'"detail"' in refused_api.body
    assert (health.status, post.status) == (200, 200)
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [200, 200]
    close_threads(pages)


@pytest.mark.parametrize("path", ["/admin/login/", "/nowhere/", "/admin/", WEBHOOK])
@on_an_event_loop
async def test_a_page_that_takes_no_file_takes_no_large_body(application, path):
    stated = Client([b"x"])
    chunked = Client([b"x" * 2**20] * 6)

    answers = [
        await stated.ask(
            application, scope(path, method="POST", Content_Length="100000000000")
        ),
        await chunked.ask(
            application, scope(path, method="POST", Transfer_Encoding="chunked")
        ),
    ]

    assert [answer.status for answer in answers] == [413, 413]
    assert stated.taken == 0
    assert chunked.taken < 6


def form(content: bytes) -> tuple[list[bytes], str]:
    """Return a customer file as a browser sends it, in pieces, and its type."""
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="file"; '
        b'filename="dues.csv"\r\nContent-Type: text/csv\r\n\r\n'
    )
    body = head + content + b"\r\n--edge--\r\n"
    pieces = [body[at : at + 2**20] for at in range(0, len(body), 2**20)]
    return pieces, "multipart/form-data; boundary=edge"


ROWS = b"name,phone\n" + b"Asha Rao,9876500001\n" * 200_000


@on_an_event_loop
async def test_nobody_sends_a_file_without_a_login_or_token(application):
    pieces, content_type = form(ROWS)
    addresses = {"/api/v1/uploads/": b'"detail"', ADD_FILE: b"Log in"}
    for path, words in addresses.items():
        client = Client(pieces)

        answer = await client.ask(
            application,
            scope(
                path,
                method="POST",
                Content_Type=content_type,
                Transfer_Encoding="chunked",
                Authorization="Bearer of.bad.news",
                Cookie="sessionid=nobodys",
            ),
        )

        assert answer.status == 401
        assert words in answer.body
        assert client.taken == 0


def token() -> str:
    tenant = TenantFactory.create()
    _, token = issue_token(tenant=tenant, name="crm", days=1, now=timezone.now())
    return token


async def send_file(application: Any, token: str, content: bytes) -> Answer:
    pieces, content_type = form(content)
    asked = scope(
        "/api/v1/uploads/",
        method="POST",
        Content_Type=content_type,
        Transfer_Encoding="chunked",
        Authorization=f"Bearer {token}",
    )
    return await Client(pieces).ask(application, asked)


@pytest.mark.parametrize("content", [ROWS, ROWS[:100]], ids=["large", "small"])
@on_an_event_loop
async def test_a_file_in_chunks_is_kept_whole(application, content):
    answer = await send_file(application, await in_thread(token), content)

    assert answer.status == 201, answer.body
    upload = await in_thread(FileUpload.objects.get)
    assert upload.sha256 == hashlib.sha256(content).hexdigest()


@on_an_event_loop
async def test_a_file_larger_than_the_setting_is_refused(application, settings):
    settings.UPLOAD_MAX_MB = 1

    answer = await send_file(application, await in_thread(token), ROWS)

    assert answer.status == 413
    assert b"The file is larger than 1 MB." in answer.body
    assert not await in_thread(FileUpload.objects.exists)


@on_an_event_loop
async def test_a_disk_without_room_is_said_in_words(application, monkeypatch):
    """/dev/full stands in for it: it takes a write and says that there is no space."""
    monkeypatch.setattr(
        tempfile, "TemporaryFile", partial(Path("/dev/full").open, "w+b", 0)
    )

    answer = await send_file(application, await in_thread(token), ROWS)

    assert answer.status == 503
    assert b"no room for the file" in answer.body


@on_an_event_loop
async def test_files_of_one_sender_leave_room_for_others(application):
    mine, other = await in_thread(token), await in_thread(token)
    client = await in_thread(lambda: ApiClient.objects.order_by("id").first())
    application.pages.files += [f"client {client.pk}"] * 3

    refused = await send_file(application, mine, ROWS)
    taken = await send_file(application, other, ROWS)

    assert (refused.status, taken.status) == (503, 201)
    assert b"3 files of yours" in refused.body
    assert application.pages.files == [f"client {client.pk}"] * 3


def test_every_form_with_a_file_is_among_the_addresses_that_take_one():
    request = Browser().get("/admin/login/").wsgi_request
    request.user = User.objects.create_superuser("owner")
    forms = {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
        for model, model_admin in admin.site._registry.items()
        if model_admin.has_add_permission(request)
        and model_admin.get_form(request)().is_multipart()
    }

    assert forms == {name for name in FILE_ADDRESSES if name.startswith("admin:")}
    assert all(reverse(name) for name in FILE_ADDRESSES)
    assert django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE == 2_621_440


def download(made: list[int], **headers: str) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            made.append(number)
            yield b"x" * 2000

    return StreamingHttpResponse(pieces(), headers=headers)


@on_an_event_loop
async def test_a_download_ends_with_its_client(application):
    """A file is read piece by piece: nothing more for a client that has gone."""
    made: list[int] = []
    whole, left = Client(), Client(leaves=True)
    left.taken = 1
    length = {"Content-Length": "2000000"}
    await application.pages.send(download([], **length), whole.receive, whole.send)
    assert (len(whole.answer.body), whole.answer.is_whole) == (2_000_000, True)

    await application.pages.send(download(made, **length), left.receive, left.send)

    assert len(made) < 1000
    assert not left.answer.is_whole


@on_an_event_loop
async def test_what_is_generated_is_done_before_its_client_has_read_it(application):
    """It may hold a connection of the database, of which there are sixteen."""
    slow = [Client() for _ in range(20)]
    for client in slow:
        client.may_read.clear()
    made: list[list[int]] = [[] for _ in slow]

    sending = [
        asyncio.ensure_future(
            application.pages.send(download(pieces), client.receive, client.send)
        )
        for client, pieces in zip(slow, made, strict=True)
    ]
    while not all(len(pieces) == 1000 for pieces in made):
        await asyncio.sleep(0.01)
    for client in slow:
        client.may_read.set()
    await asyncio.gather(*sending)

    assert {len(client.answer.body) for client in slow} == {2_000_000}


@on_an_event_loop
async def test_health_is_looked_at_once_for_all_who_ask(application):
    with locked("webhook_events"):
        asked = [
            asyncio.ensure_future(Client().ask(application, scope("/healthz")))
            for _ in range(8)
        ]
        answers = await asyncio.gather(*asked)

    assert {answer.status for answer in answers} == {503}
    assert (await Client().ask(application, scope("/healthz"))).status == 200


@on_an_event_loop
async def test_a_database_that_says_nothing_is_down(application):
    """Its answer is waited for only so long; it may never come."""
    never = asyncio.get_running_loop().create_future()
    application.pages.health_check = never

    answer = await Client().ask(application, scope("/healthz"))

    assert (answer.status, b'"down"' in answer.body) == (503, True)
    never.cancel()


@on_an_event_loop
async def test_static_files_and_pages_come_whole(application, session):
    page = await Client().ask(application, scope("/admin/", cookie=session))
    style = await Client().ask(application, scope("/static/desk/desk.css"))
    nothing = await Client().ask(application, scope("/nowhere/"))

    assert (page.status, style.status, nothing.status) == (200, 200, 404)
    for answer in (page, style, nothing):
        assert int(answer.headers["content-length"]) == len(answer.body)
        assert answer.is_whole
