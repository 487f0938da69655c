"""Who fetches a file: one at a time, whoever dies, stalls or comes late."""

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from messaging.media import fetching
from messaging.media.fetching import AT_ONCE
from messaging.media.graph import GraphApi
from messaging.media.queue import (
    LEASE,
    claim_media,
    mark_stored,
    put_back,
    renew_leases,
)
from messaging.models import MessageMedia
from messaging.tests.fetching import content_of, fetch_at, queued
from messaging.tests.graph_service import PHOTO, Handler
from messaging.tests.side_by_side import run_together

pytestmark = pytest.mark.usefixtures("kept")


@pytest.mark.django_db
def test_a_file_whose_fetcher_died_is_claimable_when_its_lease_is_over(graph):
    media = queued(graph)
    now = timezone.now()
    (lost,) = claim_media(fetcher=uuid4(), limit=9, now=now)  # and then kill -9

    assert fetch_at(now, graph) == 0
    assert fetch_at(now + LEASE - timedelta(seconds=1), graph) == 0
    assert fetch_at(now + LEASE, graph) == 1

    media.refresh_from_db()
    assert (media.status, media.attempts, media.file.name) == ("stored", 2, lost.file)


@pytest.mark.django_db
def test_what_a_dead_fetcher_left_half_written_is_replaced(graph, kept):
    media = queued(graph)
    now = timezone.now()
    (lost,) = claim_media(fetcher=uuid4(), limit=9, now=now)
    (kept / lost.file).parent.mkdir(parents=True)
    (kept / lost.file).write_bytes(PHOTO[:10])

    fetch_at(now + LEASE, graph)

    media.refresh_from_db()
    assert content_of(media) == PHOTO
    assert len([path for path in kept.rglob("*") if path.is_file()]) == 1


@pytest.mark.django_db
def test_a_claim_that_was_rolled_back_leaves_no_trace(graph):
    media = queued(graph)

    with transaction.atomic():
        claim_media(fetcher=uuid4(), limit=9, now=timezone.now())
        transaction.set_rollback(True)

    media.refresh_from_db()
    assert (media.fetcher, media.attempts) == (None, 0)
    assert fetch_at(timezone.now(), graph) == 1


@pytest.mark.django_db
def test_who_lost_the_lease_has_nothing_more_to_say(graph):
    media = queued(graph)
    now = timezone.now()
    (late,) = claim_media(fetcher=uuid4(), limit=9, now=now)
    fetch_at(now + LEASE, graph)

    marked = mark_stored(
        late, file="x", sha256="0" * 64, size_bytes=1, content_type="", now=now
    )
    renewed = renew_leases(fetcher=late.fetcher, media_ids=[late.id], now=now)

    media.refresh_from_db()
    assert (marked, renewed) == (False, set())
    assert content_of(media) == PHOTO


@pytest.mark.django_db
def test_a_renewed_lease_keeps_others_away(graph):
    queued(graph)
    now = timezone.now()
    (held,) = claim_media(fetcher=uuid4(), limit=9, now=now)

    later = now + LEASE - timedelta(seconds=1)
    assert renew_leases(fetcher=held.fetcher, media_ids=[held.id], now=later)

    assert fetch_at(now + LEASE, graph) == 0


@pytest.mark.django_db
def test_a_file_that_is_being_fetched_is_not_put_back(graph):
    queued(graph)
    claim_media(fetcher=uuid4(), limit=9, now=timezone.now())

    assert put_back(MessageMedia.objects.all(), now=timezone.now()) == 0


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_fetch_each_file_once(graph):
    rows = [queued(graph) for _ in range(2 * AT_ONCE)]
    now, kept_by = timezone.now(), []

    run_together(*[lambda: kept_by.append(fetch_at(now, graph))] * 4)

    assert sum(kept_by) == len(rows)
    asked = [path for path in graph.paths() if path.startswith("/v25.0/")]
    assert sorted(asked) == sorted(f"/v25.0/{media.media_id}" for media in rows)
    assert set(MessageMedia.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_while_one_fetches_another_leaves_at_once_and_the_first_takes_up_news(graph):
    slow, released = queued(graph), threading.Event()
    news: list[MessageMedia] = []
    now, others = timezone.now() + timedelta(minutes=1), []

    def answer_late(handler: Handler, content: bytes) -> None:
        """While the first file is on its way, a message comes and a second worker."""
        if not news:
            news.append(queued(graph))
            others.append(fetch_at(now, graph))
            connection.close()
        else:
            released.set()
        released.wait(20)
        handler.reply(content)

    graph.answer = answer_late

    assert fetch_at(now, graph) == 2
    assert others == [0]
    for media in (slow, *news):
        media.refresh_from_db()
        assert (media.status, media.attempts) == ("stored", 1)


@pytest.mark.django_db(transaction=True)
def test_a_slow_file_stays_with_its_fetcher(graph, monkeypatch):
    monkeypatch.setattr(fetching, "_RENEW_SECONDS", 0)
    media = queued(graph)
    leases: set[datetime] = set()

    def answer_after_a_renewal(handler: Handler, content: bytes) -> None:
        for _ in range(200):
            media.refresh_from_db()
            leases.add(media.fetch_after)
            if len(leases) > 1 or graph.stopped.wait(0.05):
                break
        connection.close()
        handler.reply(content)

    graph.answer = answer_after_a_renewal
    api = GraphApi(url=graph.url)

    assert fetching.fetch_due(graph=api, clock=timezone.now, seconds=10) == 1
    assert len(leases) == 2


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_meta_is_asked(graph):
    queued(graph)
    states: list[str] = []

    def look(handler: Handler, content: bytes) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database() AND state LIKE '%in transaction%'"
            )
            states.extend(state for (state,) in cursor.fetchall())
        connection.close()
        handler.reply(content)

    graph.answer = look

    assert fetch_at(timezone.now(), graph) == 1
    assert states == []
