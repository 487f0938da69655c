"""Meta's Graph API, as far as a file is concerned: ask for its address, then get it.

Nothing here knows models, settings or the clock on the wall. An address lives for five
minutes, so it is used at once and never kept.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPResponse, IncompleteRead
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from messaging.media.transfer import (
    PATIENCE,
    Clock,
    NotFetched,
    Patience,
    answer_to,
)
from messaging.whatsapp.media import sha256_of

# WhatsApp passes on nothing larger.
MAX_BYTES = 100 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 64 * 1024
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
# Meta's error codes: an expired or revoked token; a token without the permission.
_TOKEN_CODES = frozenset({0, 3, 10, 190, *range(200, 300)})
# Too many requests: of the app, of the account, of the number.
_RATE_CODES = frozenset({4, 80007, 130429})


class TooLarge(NotFetched):
    """The file is larger than may be kept; no further attempt can mend that."""


class _AddressExpired(NotFetched):
    """The address leads nowhere any more; a new one may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which file to fetch, and as whom. `sha256` is in hex, "" when unknown."""

    media_id: str
    phone_number_id: str
    token: str = field(repr=False)
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was written: its hash in hex and its length."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphApi:
    """The Graph API at `url`, or the local service that stands in for it."""

    url: str
    patience: Patience = PATIENCE
    max_bytes: int = MAX_BYTES

    def fetch(self, order: Order, *, into: BinaryIO) -> Fetched:
        """Write the file into `into`, checked against its hash; raises `NotFetched`.

        Memory stays flat whatever the size.
        """
        clock = Clock(self.patience)
        try:
            return self._fetch(order, into, clock)
        except _AddressExpired:
            return self._fetch(order, into, clock)

    def _fetch(self, order: Order, into: BinaryIO, clock: Clock) -> Fetched:
        described = self._describe(order, clock)
        url = described.get("url")
        if not isinstance(url, str) or not url:
            raise NotFetched("Meta's answer names no address for the file.")
        self._check_size(described.get("file_size"))
        # What the webhook said was signed; the answer's own word stands in for it.
        sha256 = order.sha256 or sha256_of(described.get("sha256"))
        with answer_to(
            url, token=order.token, service=self.url, clock=clock
        ) as response:
            if response.status in _GONE:
                raise _AddressExpired("Meta's address for the file leads nowhere.")
            _check_status(response)
            fetched = self._save(response, into, clock)
        if sha256 and not hmac.compare_digest(fetched.sha256, sha256):
            raise NotFetched("What arrived is not what was sent: its SHA-256 differs.")
        return fetched

    def _describe(self, order: Order, clock: Clock) -> dict[str, Any]:
        query = urlencode({"phone_number_id": order.phone_number_id})
        url = f"{self.url.rstrip('/')}/{quote(order.media_id, safe='')}?{query}"
        with answer_to(
            url, token=order.token, service=self.url, clock=clock
        ) as response:
            body = response.read(_MAX_ANSWER_BYTES)
            answer = _object_in(body)
            _check_status(response, answer)
        return answer

    def _check_size(self, stated: object) -> None:
        """Refuse a file by its stated size, if that is a number at all."""
        if isinstance(stated, str | int):
            text = str(stated).strip()
            if text.isascii() and text.isdigit() and len(text) <= 19:
                self._check_length(int(text))

    def _check_length(self, length: int) -> None:
        if length > self.max_bytes:
            raise TooLarge(
                f"The file is larger than {self.max_bytes / 1024 / 1024:g} MB, the "
                "most that WhatsApp documents."
            )

    def _save(self, response: HTTPResponse, into: BinaryIO, clock: Clock) -> Fetched:
        stated = response.length  # None when it comes in chunks, or until the end
        if stated is not None:
            self._check_length(stated)
        into.seek(0)
        into.truncate()
        digest, size = hashlib.sha256(), 0
        while chunk := response.read(_CHUNK_BYTES):
            size += len(chunk)
            self._check_length(size)
            digest.update(chunk)
            _write(chunk, into)
        # A line that was cut can look like the end of a file.
        if not size or size < (stated or 0) or not clock.left:
            raise IncompleteRead(b"")
        return Fetched(sha256=digest.hexdigest(), size_bytes=size)


def _write(chunk: bytes, into: BinaryIO) -> None:
    try:
        into.write(chunk)
    except OSError as exc:
        raise NotFetched(f"The file cannot be written here: {exc.strerror}.") from exc


def _check_status(response: HTTPResponse, answer: dict[str, Any] | None = None) -> None:
    """Raise what another status than 200 means, in words for whoever can mend it."""
    if response.status == HTTPStatus.OK:
        return
    if answer is None:
        answer = _object_in(response.read(_MAX_ANSWER_BYTES))
    error = answer.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    code = code if type(code) is int else None
    details = f"HTTP {response.status}" + ("" if code is None else f", code {code}")
    if response.status == HTTPStatus.UNAUTHORIZED or code in _TOKEN_CODES:
        raise NotFetched(
            f"Meta refuses the number's access token ({details}): enter a new one in "
            "the admin under WhatsApp numbers."
        )
    if response.status == HTTPStatus.TOO_MANY_REQUESTS or code in _RATE_CODES:
        raise NotFetched(f"Meta asks to slow down ({details}).")
    if response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise NotFetched(
            f"Meta does not give out the file ({details}): it is gone, or it belongs "
            "to another number."
        )
    raise NotFetched(f"Meta's server is in trouble ({details}).")


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
