"""What becomes of queued files: fetched once, kept privately, or said why not."""

from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from messaging import tasks
from messaging.media.fetching import AT_ONCE, fetch_due
from messaging.media.graph import GraphApi
from messaging.media.keeping import discard
from messaging.media.queue import GONE, NO_ACCESS, claim_media, put_back
from messaging.models import MessageMedia
from messaging.tests import graph_service
from messaging.tests.factories import MessageMediaFactory, StoredMediaFactory
from messaging.tests.fetching import content_of, fetch_at, give_token, queued
from messaging.tests.graph_service import PHOTO, TOKEN, Handler
from tenants.models import WhatsAppNumber

pytestmark = pytest.mark.usefixtures("kept")

WEEK = timedelta(days=7)

# Kept


@pytest.mark.django_db
def test_a_file_is_fetched_and_kept_as_it_is(graph, kept):
    media = queued(graph, file_name="../../shop.jpg")
    now = timezone.now()

    assert fetch_at(now, graph) == 1

    media.refresh_from_db()
    assert (media.status, media.error, media.attempts) == ("stored", "", 1)
    assert (media.size_bytes, media.stored_at) == (len(PHOTO), now)
    assert media.content_type == "image/jpeg"
    assert media.fetcher is None
    assert content_of(media) == PHOTO
    (path,) = [path for path in kept.rglob("*") if path.is_file()]
    assert path == kept / media.file.name
    assert path.parent == kept / "media" / str(media.tenant_id)
    assert "shop" not in path.name
    assert not path.suffix
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_a_kept_file_is_not_fetched_again(graph):
    media = queued(graph)
    fetch_at(timezone.now(), graph)
    put_back(MessageMedia.objects.all(), now=timezone.now())

    assert fetch_at(timezone.now() + WEEK, graph) == 0

    media.refresh_from_db()
    assert media.status == "stored"
    assert len(graph.requests) == 2


@pytest.mark.django_db
def test_more_files_than_hands_are_all_fetched(graph):
    rows = [queued(graph, PHOTO + bytes([turn])) for turn in range(3 * AT_ONCE)]

    assert fetch_at(timezone.now(), graph) == len(rows)

    assert MessageMedia.objects.filter(status="stored").count() == len(rows)
    contents = {content_of(media) for media in MessageMedia.objects.all()}
    assert len(contents) == len(rows)


@pytest.mark.django_db
def test_a_file_that_lies_about_its_type_is_for_download_only(graph):
    media = queued(graph, b"<html><script>alert(1)</script>", mime_type="image/jpeg")

    fetch_at(timezone.now(), graph)

    media.refresh_from_db()
    assert (media.status, media.content_type, media.element) == ("stored", "", "")


@pytest.mark.django_db
def test_each_number_uses_its_own_token(graph):
    ours, theirs = queued(graph), queued(graph)
    give_token(theirs.whatsapp_number, "of another business")

    fetch_at(timezone.now(), graph)

    ours.refresh_from_db()
    theirs.refresh_from_db()
    assert (ours.status, theirs.status) == ("stored", "pending")
    sent = {request.path: request.authorization for request in graph.requests}
    assert sent[f"/v25.0/{ours.media_id}"] == f"Bearer {TOKEN}"
    assert sent[f"/v25.0/{theirs.media_id}"] == "Bearer of another business"
    assert "enter a new one" in theirs.error


# Not kept


@pytest.mark.django_db
def test_a_failure_rests_longer_each_time_and_a_whole_file_still_comes(graph):
    media = queued(graph)
    graph.answer = graph_service.other_content
    now, rests = timezone.now(), []

    for attempt in range(1, 8):
        assert fetch_at(now, graph) == 0
        media.refresh_from_db()
        assert (media.status, media.attempts) == ("pending", attempt)
        assert "SHA-256 differs" in media.error
        assert media.fetcher is None
        assert fetch_at(media.fetch_after - timedelta(seconds=1), graph) == 0
        rests.append(media.fetch_after - now)
        now = media.fetch_after

    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (timedelta(seconds=10), timedelta(hours=1))
    graph.answer = Handler.reply
    assert fetch_at(now, graph) == 1
    media.refresh_from_db()
    assert (media.status, media.error) == ("stored", "")


@pytest.mark.django_db
def test_the_last_attempt_is_when_the_seven_days_end(graph):
    media = queued(graph)
    graph.answer = graph_service.status(500)
    almost = media.expires_at - timedelta(seconds=2)

    fetch_at(almost, graph)
    media.refresh_from_db()
    assert (media.status, media.fetch_after) == ("pending", media.expires_at)
    fetch_at(media.expires_at, graph)

    media.refresh_from_db()
    assert media.status == "expired"
    assert media.error.startswith(GONE)
    assert "HTTP 500" in media.error
    assert not claim_media(fetcher=uuid4(), limit=9, now=media.expires_at + WEEK)


@pytest.mark.django_db
def test_a_file_that_came_while_no_worker_ran_for_a_week_still_gets_its_attempt(graph):
    queued(graph)

    assert fetch_at(timezone.now() + 2 * WEEK, graph) == 1


@pytest.mark.django_db
def test_a_file_too_large_is_given_up_at_once(graph, kept):
    media = queued(graph)

    fetch_at(timezone.now(), graph, max_bytes=len(PHOTO) - 1)

    media.refresh_from_db()
    assert media.status == "failed"
    assert "larger than" in media.error
    assert not list(kept.rglob("*"))
    assert not claim_media(fetcher=uuid4(), limit=9, now=timezone.now() + WEEK)


@pytest.mark.django_db
def test_what_was_given_up_is_fetched_once_somebody_asks(graph):
    media = queued(graph, status="failed", error="Too large.", attempts=9)

    assert put_back(MessageMedia.objects.filter(pk=media.pk), now=timezone.now()) == 1

    assert fetch_at(timezone.now(), graph) == 1


@pytest.mark.django_db
def test_one_file_that_cannot_be_fetched_costs_no_other_anything(graph):
    rows = [queued(graph) for _ in range(5)]
    del graph.files[rows[2].media_id]

    assert fetch_at(timezone.now(), graph) == 4

    assert MessageMedia.objects.exclude(status="stored").get() == rows[2]


@pytest.mark.django_db
def test_a_mistake_of_ours_is_logged_and_does_not_stop_the_fetcher(caplog):
    media = MessageMediaFactory.create()
    give_token(media.whatsapp_number, TOKEN)
    mistaken = GraphApi(url=None)

    assert not fetch_due(graph=mistaken, clock=timezone.now, seconds=10)

    media.refresh_from_db()
    assert media.status == "pending"
    assert "A mistake of ours (AttributeError)" in media.error
    assert f"Media {media.pk} could not be fetched" in caplog.messages


@pytest.mark.django_db
def test_a_disk_that_takes_no_file_is_tried_again(graph, kept):
    media = queued(graph)
    kept.write_text("in the way")

    assert fetch_at(timezone.now(), graph) == 0

    media.refresh_from_db()
    assert media.status == "pending"
    assert "cannot be kept here" in media.error
    kept.unlink()
    assert fetch_at(media.fetch_after, graph) == 1


# Tokens


@pytest.mark.django_db
def test_a_number_without_a_token_waits_with_the_next_step(graph):
    media = queued(graph)
    give_token(media.whatsapp_number, "")

    tasks.sweep_media()

    media.refresh_from_db()
    assert (media.status, media.error, media.attempts) == ("waiting", NO_ACCESS, 0)
    assert graph.requests == []
    give_token(media.whatsapp_number, TOKEN)
    tasks.sweep_media()
    media.refresh_from_db()
    assert (media.status, media.error) == ("stored", "")


@pytest.mark.django_db
def test_waiting_for_a_token_ends_with_the_seven_days(graph):
    media = queued(graph, expires_at=timezone.now())
    give_token(media.whatsapp_number, "")

    tasks.sweep_media()
    tasks.sweep_media()

    media.refresh_from_db()
    assert media.status == "expired"
    assert media.error == f"{GONE} {NO_ACCESS}"


@pytest.mark.django_db
def test_a_token_under_a_lost_key_costs_only_its_own_number_anything(graph, settings):
    unreadable, readable = queued(graph), queued(graph)
    old_keys = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    give_token(unreadable.whatsapp_number, TOKEN)
    settings.FIELD_ENCRYPTION_KEYS = old_keys

    assert fetch_at(timezone.now(), graph) == 1

    unreadable.refresh_from_db()
    readable.refresh_from_db()
    assert (unreadable.status, readable.status) == ("pending", "stored")
    assert "FIELD_ENCRYPTION_KEYS" in unreadable.error


@pytest.mark.django_db
def test_an_app_secret_under_a_lost_key_keeps_no_file_back(graph, settings):
    media = queued(graph)
    old_keys = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    WhatsAppNumber.objects.update(app_secret="written with a key that is gone")
    settings.FIELD_ENCRYPTION_KEYS = old_keys

    assert fetch_at(timezone.now(), graph) == 1

    media.refresh_from_db()
    assert media.status == "stored"


# Deleting


@pytest.mark.django_db(transaction=True)
def test_discarding_deletes_files_with_their_rows(kept):
    gone, stays = StoredMediaFactory.create(), StoredMediaFactory.create()
    never_fetched = MessageMediaFactory.create()
    rows = MessageMedia.objects.filter(pk__in=[gone.pk, never_fetched.pk])

    assert discard(rows) == 2

    assert list(MessageMedia.objects.all()) == [stays]
    assert not default_storage.exists(gone.file.name)
    assert default_storage.exists(stays.file.name)


@pytest.mark.django_db(transaction=True)
def test_discarding_that_is_rolled_back_keeps_the_files(kept):
    media = StoredMediaFactory.create()

    with transaction.atomic():
        discard(MessageMedia.objects.all())
        transaction.set_rollback(True)

    assert MessageMedia.objects.get() == media
    assert default_storage.exists(media.file.name)
