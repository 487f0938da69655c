"""Files that messages bring are queued with them, once, however they come."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest

from messaging import tasks
from messaging.events import put_back, store_event
from messaging.models import ChatMessage, MessageMedia, WebhookEvent
from messaging.tests.bodies import ASHA, body, change, message, message_body
from messaging.tests.posting import deliver, process_all

DIGEST = hashlib.sha256(b"the file")
MEDIA = {
    "id": "3355500066540417",
    "mime_type": "image/jpeg",
    "sha256": base64.b64encode(DIGEST.digest()).decode(),
    "url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
}


def with_media(wamid: str = "wamid.A", kind: str = "image", **fields: Any) -> bytes:
    return message_body(message(wamid, type=kind, **{kind: MEDIA | fields}))


def history(*messages: dict[str, Any]) -> bytes:
    thread = {"id": ASHA, "messages": list(messages)}
    return body(change(field="history", history=[{"threads": [thread]}]))


def late_media(wamid: str = "wamid.H") -> bytes:
    item = message(wamid, type="image", image=MEDIA | {"sha256": DIGEST.hexdigest()})
    return body(change(field="history", messages=[item]))


PLACEHOLDER = message("wamid.H", type="media_placeholder")


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
def test_a_message_with_a_file_queues_it(number, kind):
    outcome = deliver(with_media(kind=kind))

    media = MessageMedia.objects.get()
    assert media.message == ChatMessage.objects.get(kind=kind)
    assert (media.tenant_id, media.whatsapp_number_id) == (number.tenant_id, number.pk)
    assert (media.media_id, media.mime_type) == (MEDIA["id"], "image/jpeg")
    assert media.sha256 == DIGEST.hexdigest()
    assert (media.status, media.attempts, media.file.name) == ("pending", 0, "")
    arrived_at = WebhookEvent.objects.get().received_at
    assert media.expires_at == arrived_at + timedelta(days=7)
    assert outcome.media == 1


def test_the_senders_file_name_is_kept_as_text(number):
    name = "../../Nota Fiscal nº 12 — résumé 📄.pdf"

    deliver(with_media(kind="document", filename=name))

    media = MessageMedia.objects.get()
    assert media.file_name == name
    assert media.download_name == "Nota Fiscal nº 12 — résumé 📄.pdf"


def test_no_address_is_kept_anywhere(number):
    deliver(with_media())

    assert "lookaside" not in str(ChatMessage.objects.values().get())
    assert "lookaside" not in str(MessageMedia.objects.values().get())


@pytest.mark.parametrize(
    "item",
    [
        message(),
        message(type="image"),
        message(type="image", image=None),
        message(type="image", image=[MEDIA]),
        message(type="image", image=MEDIA | {"id": ""}),
        message(type="image", image=MEDIA | {"id": None}),
        message(type="image", image=MEDIA | {"id": "9" * 5000}),
        message(type="location", image=MEDIA),
        message(type="media_placeholder"),
        message(type="edit", edit={"original_message_id": "x", "message": None}),
        message(type="unsupported", errors=[{"code": 131052}]),
    ],
    ids=lambda item: str(item)[90:150],
)
def test_a_message_without_a_file_queues_none(number, item):
    deliver(message_body(item))

    assert ChatMessage.objects.count() == 1
    assert not MessageMedia.objects.exists()


def test_senseless_facts_about_a_file_cost_it_nothing_else(number):
    deliver(with_media(mime_type=7, sha256="none", filename=["a"]))

    media = MessageMedia.objects.get()
    assert (media.mime_type, media.sha256, media.file_name) == ("", "", "")


def test_a_redelivery_and_a_replay_queue_nothing_twice(number):
    deliver(with_media(), with_media())
    put_back(WebhookEvent.objects.all(), now=WebhookEvent.objects.first().received_at)

    outcome = process_all()

    assert (outcome.events, outcome.media) == (2, 0)
    assert MessageMedia.objects.count() == 1


def test_an_album_queues_each_of_its_files(number):
    items = [
        message(f"wamid.{turn}", type="image", image=MEDIA | {"id": str(turn)})
        for turn in range(3)
    ]

    deliver(message_body(*items, message("wamid.T")))

    queued = MessageMedia.objects.order_by("message_id")
    assert [media.media_id for media in queued] == ["0", "1", "2"]
    assert [media.message.wamid for media in queued] == [
        "wamid.0",
        "wamid.1",
        "wamid.2",
    ]


def test_an_edit_brings_a_file_of_its_own(number):
    edited = {"type": "image", "image": MEDIA | {"caption": "new words"}}
    edit = {"original_message_id": "wamid.A", "message": edited}

    deliver(message_body(message("wamid.E", type="edit", edit=edit)))

    assert MessageMedia.objects.get().message.kind == "edit"


LATE_DELIVERIES = {
    "after its placeholder": [[history(PLACEHOLDER)], [late_media()]],
    "before its placeholder": [[late_media()], [history(PLACEHOLDER)]],
    "in one batch with it": [[history(PLACEHOLDER), late_media()]],
    "twice": [[history(PLACEHOLDER)], [late_media(), late_media()]],
}


@pytest.mark.parametrize("batches", LATE_DELIVERIES.values(), ids=LATE_DELIVERIES)
def test_a_phones_history_gets_its_files_when_they_come(number, batches):
    for batch in batches:
        deliver(*batch)

    media = MessageMedia.objects.get()
    assert (media.message.wamid, media.message.kind) == ("wamid.H", "image")
    assert media.sha256 == DIGEST.hexdigest()


def test_a_file_named_for_a_text_that_is_there_already_changes_nothing(number):
    deliver(message_body(message("wamid.A")), with_media("wamid.A"))

    assert ChatMessage.objects.get().kind == "text"
    assert not MessageMedia.objects.exists()


def test_draining_messages_with_files_calls_for_a_fetcher(number, published):
    store_event(body=message_body(message("wamid.T")), signed_by="app")
    tasks.drain()
    assert "messaging.tasks.fetch_media" not in published

    for turn in range(5):
        store_event(body=with_media(f"wamid.{turn}"), signed_by="app")
    tasks.drain()

    assert published.count("messaging.tasks.fetch_media") == 1
