"""What messages and statuses point at stays, though no foreign key checks each row."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from contacts.tests.side_by_side import wait_until_waiting
from messaging.events import store_event
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.services import process_events
from messaging.tests.bodies import message, message_body, status, status_body
from messaging.tests.posting import deliver, process_all
from messaging.tests.side_by_side import drain_elsewhere, run_together
from tenants.models import WhatsAppNumber

BODIES = {
    "message": message_body(message("wamid.A")),
    "status": status_body(status("wamid.S")),
}


def delete_by_sql(number: WhatsAppNumber) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM whatsapp_numbers WHERE id = %s", [number.pk])


@pytest.mark.parametrize("kind", BODIES)
def test_a_number_in_use_is_deleted_neither_by_django_nor_by_sql(number, kind):
    deliver(BODIES[kind])

    with pytest.raises(ProtectedError):
        number.delete()
    with pytest.raises(IntegrityError, match="cannot be deleted"), transaction.atomic():
        delete_by_sql(number)

    assert WhatsAppNumber.objects.filter(pk=number.pk).exists()


def test_a_number_that_nothing_points_at_can_be_deleted(number):
    delete_by_sql(number)

    assert not WhatsAppNumber.objects.filter(pk=number.pk).exists()


def delete_contact_by_sql(contact: Contact) -> None:
    with connection.cursor() as cursor:
        # Identities have a foreign key, which would refuse before the messages do.
        cursor.execute(
            "DELETE FROM contact_identities WHERE contact_id = %s", [contact.pk]
        )
        cursor.execute("DELETE FROM contacts WHERE id = %s", [contact.pk])


def test_a_contact_with_messages_is_deleted_neither_by_django_nor_by_sql(number):
    deliver(BODIES["message"])
    contact = Contact.objects.get()
    ContactFactory.create(tenant=contact.tenant)

    with pytest.raises(ProtectedError):
        contact.delete()
    with pytest.raises(IntegrityError, match="has messages"), transaction.atomic():
        delete_contact_by_sql(contact)
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute("DELETE FROM contacts")

    assert Contact.objects.count() == 2


def test_a_contact_without_messages_can_be_deleted_by_sql(number):
    deliver(BODIES["message"])
    lonely = ContactFactory.create(tenant=number.tenant)

    delete_contact_by_sql(lonely)

    assert not Contact.objects.filter(pk=lonely.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_contact_stays_for_the_message_that_is_being_written(number):
    deliver(BODIES["message"])
    contact = Contact.objects.get()
    ChatMessage.objects.all().delete()
    store_event(body=message_body(message("wamid.B")), signed_by="app")
    refusals: list[str] = []

    def delete() -> None:
        try:
            with transaction.atomic():
                delete_contact_by_sql(contact)
        except IntegrityError as exc:
            refusals.append(str(exc))
        finally:
            connection.close()

    with transaction.atomic():
        process_events(limit=1, now=timezone.now())
        deletion = threading.Thread(target=delete)
        deletion.start()
        wait_until_waiting()
    deletion.join(30)

    assert len(refusals) == 1
    assert ChatMessage.objects.get().contact == contact


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", BODIES)
def test_a_number_stays_for_what_is_being_written(number, kind):
    store_event(body=BODIES[kind], signed_by="app")
    refusals: list[str] = []

    def delete() -> None:
        try:
            delete_by_sql(number)
        except IntegrityError as exc:
            refusals.append(str(exc))
        finally:
            connection.close()

    with transaction.atomic():
        process_events(limit=1, now=timezone.now())
        deletion = threading.Thread(target=delete)
        deletion.start()
        wait_until_waiting()
    deletion.join(30)

    assert len(refusals) == 1
    assert WhatsAppNumber.objects.filter(pk=number.pk).exists()
    assert ChatMessage.objects.count() + MessageStatus.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", BODIES)
def test_what_comes_while_its_number_is_deleted_is_nobody_s(number, kind):
    with transaction.atomic():
        delete_by_sql(number)
        run_together(lambda: store_event(body=BODIES[kind], signed_by="app"))
        drain = threading.Thread(target=drain_elsewhere)
        drain.start()
        wait_until_waiting()
    drain.join(30)
    process_all()

    assert WebhookEvent.objects.get().status == "unroutable"
    assert not ChatMessage.objects.exists()
    assert not MessageStatus.objects.exists()
