"""Fetch what people sent: several files at a time, no transaction open meanwhile.

One fetcher works at a time and takes up new files as long as it has any: of the
workers' processes media never take more than one, however slow Meta's servers are.
Its threads only download; the database is the main thread's.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import BinaryIO, cast
from uuid import uuid4

from messaging.media.graph import Fetched, GraphApi, Order, TooLarge
from messaging.media.keeping import keep
from messaging.media.kinds import HEAD_BYTES, content_type_of
from messaging.media.queue import (
    LEASE,
    ClaimedMedia,
    claim_media,
    mark_failed,
    mark_not_fetched,
    mark_stored,
    renew_leases,
)
from messaging.media.transfer import NotFetched
from tenants.encryption import UnreadableSecret
from tenants.models import WhatsAppNumber

logger = logging.getLogger(__name__)

AT_ONCE = 8
# How often a fetcher with free hands looks for more.
_LOOK_SECONDS = 1.0
# A process that is stopped for a moment must not lose what it is fetching.
_RENEW_SECONDS = LEASE.total_seconds() / 4


@dataclass(frozen=True, slots=True)
class _Download:
    """A file in our hands, checked. It has no name: it goes with the process."""

    file: BinaryIO
    fetched: Fetched


def fetch_due(*, graph: GraphApi, clock: Callable[[], datetime], seconds: float) -> int:
    """Fetch every file that is due, and return how many are kept now.

    Files that become due meanwhile are taken up for `seconds`. Returns 0 at once when
    another fetcher is at work.
    """
    fetcher, stored = uuid4(), 0
    running: dict[Future[_Download], ClaimedMedia] = {}
    began_at = renewed_at = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="media") as hands:
        while True:
            if time.monotonic() - began_at < seconds and len(running) < AT_ONCE:
                claimed = claim_media(
                    fetcher=fetcher, limit=AT_ONCE - len(running), now=clock()
                )
                for media, order in _orders(claimed, now=clock()):
                    running[hands.submit(_download, graph, order)] = media
            if not running:
                return stored
            done, _ = wait(running, _LOOK_SECONDS, return_when=FIRST_COMPLETED)
            if time.monotonic() - renewed_at > _RENEW_SECONDS:
                renewed_at = time.monotonic()
                ids = [media.id for media in running.values()]
                renew_leases(fetcher=fetcher, media_ids=ids, now=clock())
            for future in done:
                stored += _settle(running.pop(future), future, now=clock())


def _orders(
    claimed: Iterable[ClaimedMedia], *, now: datetime
) -> Iterator[tuple[ClaimedMedia, Order]]:
    """Say what to ask Meta for, with the token of the number that the file came to."""
    for media in claimed:
        try:
            number = WhatsAppNumber.objects.only("phone_number_id", "access_token").get(
                pk=media.whatsapp_number_id
            )
        except UnreadableSecret as exc:
            mark_not_fetched(media, reason=str(exc), now=now)
            continue
        yield (
            media,
            Order(
                media_id=media.media_id,
                phone_number_id=number.phone_number_id,
                token=number.access_token,
                sha256=media.sha256,
            ),
        )


def _download(graph: GraphApi, order: Order) -> _Download:
    file = cast(BinaryIO, TemporaryFile())  # noqa: SIM115 - closed once it is kept
    try:
        return _Download(file, graph.fetch(order, into=file))
    except BaseException:
        file.close()
        raise


def _settle(media: ClaimedMedia, future: Future[_Download], *, now: datetime) -> bool:
    """Write down what became of a file; True when it is kept."""
    try:
        download = future.result()
    except TooLarge as exc:
        reason = str(exc)
        mark_failed(media, reason=reason)
    except NotFetched as exc:
        reason = str(exc)
        mark_not_fetched(media, reason=reason, now=now)
    except Exception as exc:
        # Whatever a file may do to us, it does to itself only.
        logger.exception("Media %s could not be fetched", media.id)
        reason = f"A mistake of ours ({type(exc).__name__}); the log says more."
        mark_not_fetched(media, reason=reason, now=now)
    else:
        with download.file:
            return _keep(media, download, now=now)
    logger.info(
        "Media %s not fetched, attempt %s: %s", media.id, media.attempts, reason
    )
    return False


def _keep(media: ClaimedMedia, download: _Download, *, now: datetime) -> bool:
    if not renew_leases(fetcher=media.fetcher, media_ids=[media.id], now=now):
        return False  # somebody else has it, and writes under the same name
    file, fetched = download.file, download.fetched
    file.seek(0)
    head = file.read(HEAD_BYTES)
    try:
        name = keep(file, name=media.file)
    except OSError as exc:
        reason = f"The file cannot be kept here: {exc.strerror}."
        logger.error("Media %s: %s", media.id, reason)
        mark_not_fetched(media, reason=reason, now=now)
        return False
    kept = mark_stored(
        media,
        file=name,
        sha256=fetched.sha256,
        size_bytes=fetched.size_bytes,
        content_type=content_type_of(head, stated=media.mime_type),
        now=now,
    )
    logger.info("Media %s kept: bytes=%s", media.id, fetched.size_bytes)
    return kept
