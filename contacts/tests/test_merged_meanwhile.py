"""Staff ask for, or save, a contact that was merged away meanwhile."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.deduplicating import merge_two
from contacts.models import Contact, ContactMerge
from contacts.tests.merges import spelled_twice
from contacts.tests.side_by_side import elsewhere, wait_until_waiting
from tenants.tests.factories import StaffFactory, TenantFactory, clerk_of
from tenants.tests.form_pages import opened

pytestmark = pytest.mark.django_db(transaction=True)


def test_who_saves_a_contact_that_is_merged_away_meanwhile_reads_a_sentence(
    client: Client,
) -> None:
    older, newer = spelled_twice(TenantFactory.create())
    client.force_login(StaffFactory.create(is_superuser=True))
    page = reverse("admin:contacts_contact_change", args=[newer.pk])
    answers: list[Any] = []
    sent = opened(client, page, name="Asha")

    def save() -> None:
        answers.append(client.post(page, sent, follow=True))

    with transaction.atomic():
        merge_two(
            tenant_id=older.tenant_id,
            survivor_id=older.pk,
            merged_id=newer.pk,
            merged_by=None,
            now=timezone.now(),
        )
        saving = elsewhere(save)
        wait_until_waiting()
    saving.join(30)

    (answer,) = answers
    assert answer.status_code == 200
    assert answer.redirect_chain[0][0].endswith(f"/{older.pk}/change/")
    assert (
        f"Contact {newer.pk} has been merged into this one; what you entered there was"
        " not saved."
    ) in answer.content.decode()
    assert Contact.objects.get().name != "Asha"


def test_the_survivor_of_another_tenants_merge_is_nobody_s_business(
    client: Client,
) -> None:
    older, newer = spelled_twice(TenantFactory.create())
    merge_two(
        tenant_id=older.tenant_id,
        survivor_id=older.pk,
        merged_id=newer.pk,
        merged_by=None,
        now=timezone.now(),
    )
    client.force_login(clerk_of(TenantFactory.create()))

    answers = [
        client.get(reverse("admin:contacts_contact_change", args=[one]))
        for one in (newer.pk, 987654)
    ]

    assert [one.status_code for one in answers] == [404, 404]


def test_a_second_click_that_waits_for_the_first_merges_nothing(client: Client) -> None:
    older, newer = spelled_twice(TenantFactory.create())
    client.force_login(clerk_of(older.tenant))
    page = reverse("admin:contacts_contact_merge", args=[older.pk])
    answers: list[Any] = []

    def click() -> None:
        answers.append(client.post(page, {"with": newer.pk}, follow=True))

    with transaction.atomic():
        merge_two(
            tenant_id=older.tenant_id,
            survivor_id=older.pk,
            merged_id=newer.pk,
            merged_by=None,
            now=timezone.now(),
        )
        clicking = elsewhere(click)
        wait_until_waiting()
    clicking.join(30)

    (answer,) = answers
    assert f"Contact {newer.pk} was merged already into" in answer.content.decode()
    assert ContactMerge.objects.count() == 1
