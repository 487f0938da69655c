"""Requests whose addresses and forms are UTF-8, whatever they say of themselves."""

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.utils.http import parse_header_parameters


class _ReadAsUtf8:
    """Ignores the charset of `Content-Type`.

    Django would decode parameters by any codec of Python's that a request names:
    `base64` and a broken header are an error before there is a request to answer, and
    `unicode_escape` makes surrogates, which no page and no table can hold.
    """

    content_type: str | None
    content_params: dict[str, str] | None

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        said = meta.get("CONTENT_TYPE", "")
        try:
            self.content_type, self.content_params = parse_header_parameters(said)
        except (ValueError, LookupError):  # RFC 2231 with an encoding of nobody's
            self.content_type, self.content_params = "", {}


class Utf8WSGIRequest(_ReadAsUtf8, WSGIRequest):
    """What `config.wsgi` makes of a request."""


class Utf8ASGIRequest(_ReadAsUtf8, ASGIRequest):
    """What `config.asgi` makes of a request."""
