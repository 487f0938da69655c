"""What a request says of its own encoding changes nothing."""

from io import BytesIO
from typing import Any

import pytest
from django.test import RequestFactory

from config import wsgi
from config.request_encoding import Utf8WSGIRequest
from config.server.pages import PageHandler
from config.server.request_body import Memory
from config.tests.asgi_client import Client, on_an_event_loop, scope

CHARSETS = [
    "; charset=base64", "; charset=rot13", "; charset=unicode_escape", "; charset=idna",
    "; charset=utf-16", "; charset=latin-1", "; charset=none-such", "; charset=",
    "; a*=bogus''%41", "; a*=utf-8''%FF", "; a*=''", "; =", ";" * 1000, "",
]  # fmt: skip
TYPES = ["application/x-www-form-urlencoded", "text/plain", "\xff", ""]


def environ_of(path: str, content_type: str, body: bytes = b"") -> dict[str, Any]:
    """Return what a server hands over."""
    environ = RequestFactory().get(path).environ
    environ |= {"CONTENT_TYPE": content_type, "wsgi.input": BytesIO(body)}
    return environ | {"CONTENT_LENGTH": str(len(body))}


def request_of(content_type: str, body: bytes = b"") -> Utf8WSGIRequest:
    environ = environ_of(r"/?next=\ud800&q=%C3%84&r=%FF", content_type, body)
    return Utf8WSGIRequest(environ | {"REQUEST_METHOD": "POST"})


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("content_type", TYPES)
def test_an_address_is_read_as_utf8(content_type: str, charset: str) -> None:
    asked = request_of(content_type + charset).GET

    assert dict(asked.items()) == {"next": r"\ud800", "q": "Ä", "r": "\ufffd"}


@pytest.mark.parametrize(
    "charset", ["base64", "unicode_escape", "utf-16", "latin-1", "none-such"]
)
def test_a_form_is_read_as_utf8(charset: str) -> None:
    plain = request_of(
        f"application/x-www-form-urlencoded; charset={charset}",
        rb"name=\ud800 %C3%84",
    )
    in_parts = request_of(
        f"multipart/form-data; boundary=x; charset={charset}",
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n'
        b"\\ud800 \xc3\x84\r\n--x--\r\n",
    )

    assert plain.POST["name"] == in_parts.POST["name"] == r"\ud800 Ä"


@pytest.mark.django_db
@on_an_event_loop
async def test_a_request_is_answered_whatever_it_calls_itself() -> None:
    pages = PageHandler(memory=Memory(1000), threads=1)

    statuses = [
        (
            await Client([b"q=1"]).ask(
                pages,
                scope("/nowhere/", method="POST", Content_Type=f"text/plain{charset}"),
            )
        ).status
        for charset in CHARSETS
    ]
    pages.threads.shutdown()

    assert set(statuses) == {404}


def test_other_servers_make_such_requests() -> None:
    assert wsgi.application.request_class is Utf8WSGIRequest
