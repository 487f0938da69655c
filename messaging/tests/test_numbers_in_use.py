"""A number that was used stays with its tenant, whoever tries to move it."""

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from messaging.models import ChatMessage
from messaging.tests.bodies import status, status_body
from messaging.tests.factories import ChatMessageFactory
from messaging.tests.posting import deliver
from tenants.models import WhatsAppNumber
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory
from tenants.tests.form_pages import opened

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("used_by", ["message", "report"])
def test_a_number_in_use_is_moved_by_no_sql(
    number: WhatsAppNumber, used_by: str
) -> None:
    other = TenantFactory.create()
    if used_by == "message":
        ChatMessageFactory.create(whatsapp_number=number, contact__tenant=number.tenant)
    else:
        deliver(status_body(status("wamid.1")))

    for change in ({"tenant": other}, {"phone_number_id": "999"}):
        with pytest.raises(IntegrityError, match="in use"), transaction.atomic():
            WhatsAppNumber.objects.filter(pk=number.pk).update(**change)
    WhatsAppNumber.objects.filter(pk=number.pk).update(
        tenant=number.tenant, display_phone_number="+91 22 5555 0100"
    )

    number.refresh_from_db()
    assert number.display_phone_number == "+91 22 5555 0100"


def test_a_number_that_nothing_came_by_may_be_moved() -> None:
    number, other = WhatsAppNumberFactory.create(), TenantFactory.create()
    ChatMessageFactory.create()

    WhatsAppNumber.objects.filter(pk=number.pk).update(tenant=other)

    number.refresh_from_db()
    assert number.tenant == other


def test_a_page_left_open_moves_no_number_that_came_into_use(
    client: Client, django_user_model: type[User]
) -> None:
    client.force_login(django_user_model.objects.create_superuser("owner"))
    number, other = WhatsAppNumberFactory.create(), TenantFactory.create()
    tenant = number.tenant
    page = reverse("admin:tenants_whatsappnumber_change", args=[number.pk])
    changes = {"tenant": other.pk, "phone_number_id": "999", "waba_id": "7"}
    left_open = opened(client, page, **changes)
    ChatMessageFactory.create(whatsapp_number=number, contact__tenant=tenant)

    saved = client.post(page, left_open)

    number.refresh_from_db()
    assert saved.status_code in (200, 302)
    assert number.tenant == tenant
    assert number.phone_number_id != "999"
    shown = client.get(page).content.decode()
    assert 'name="tenant"' not in shown
    assert 'name="waba_id"' in shown
    assert ChatMessage.objects.count() == 1
