"""Conversations, merges and undos in any order, and what always holds of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count, Max, Min
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.deduplicating import merge_groups, merge_two
from contacts.duplicates import find_duplicates
from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.services import email_by_staff, name_by_staff
from contacts.tests.merges import tables
from contacts.unmerging import MergeStands, undo_merge
from messaging.events import store_event
from messaging.models import ChatMessage
from messaging.tests.bodies import APP_SECRET, NOON, message, message_body, person
from messaging.tests.posting import process_all
from tenants.models import Tenant
from tenants.tests.factories import WhatsAppNumberFactory

# Two people in Brazil, each with two spellings of a number; one in India.
PHONES = ["5511981234567", "551181234567", "5521991234567", "552191234567", "919800001"]
USER_IDS = ["BR.1", "BR.2", "IN.3"]

places = st.integers(0, 6)
senders = st.sampled_from(
    [(p, u) for p in [*PHONES, None] for u in [*USER_IDS, None] if p or u]
)
writing = st.tuples(st.just("write"), senders, st.integers(0, 900))
inserting = st.tuples(st.just("insert"), st.sampled_from(PHONES))
staff = st.tuples(st.sampled_from(["name", "email"]), places, st.booleans())
merging = st.one_of(
    st.tuples(st.just("by_hand"), places, places), st.tuples(st.just("dedupe"))
)
undoing = st.tuples(st.just("undo"), places)


class World:
    """A tenant, what is done to it, and what was once written."""

    def __init__(self) -> None:
        self.number = WhatsAppNumberFactory.create()
        self.tenant: Tenant = self.number.tenant
        self.texts: dict[str, str] = {}

    def do(self, act: str, *how: Any) -> None:
        step: Callable[..., None] = getattr(self, act)
        step(*how)

    def write(self, sender: tuple[str | None, str | None], minute: int) -> None:
        phone, user_id = sender
        known_as = {"user_id": user_id} if user_id else {}
        wamid = f"wamid.{len(self.texts)}"
        self.texts[wamid] = f"text of {wamid}"
        raw = message_body(
            message(
                wamid,
                **{"from": phone, "from_user_id": user_id},
                timestamp=str(NOON + minute * 60),
                text={"body": self.texts[wamid]},
            ),
            contacts=[person(phone, f"Name {minute}", **known_as)],
            phone_number_id=self.number.phone_number_id,
        )
        store_event(body=raw, signed_by="app")
        process_all()

    def insert(self, phone: str) -> None:
        Contact.objects.get_or_create(tenant=self.tenant, phone_number=phone)

    def name(self, place: int, blank: bool) -> None:
        if contact := self._contact(place):
            name_by_staff(
                contact=contact, name="" if blank else "By staff", now=timezone.now()
            )

    def email(self, place: int, blank: bool) -> None:
        if contact := self._contact(place):
            email = "" if blank else "staff@example.in"
            email_by_staff(contact=contact, email=email, now=timezone.now())

    def by_hand(self, one: int, other: int) -> None:
        survivor, merged = self._contact(one), self._contact(other)
        if survivor and merged and survivor != merged:
            merge_two(
                tenant_id=self.tenant.pk,
                survivor_id=survivor.pk,
                merged_id=merged.pk,
                merged_by=None,
                now=timezone.now(),
            )

    def dedupe(self) -> None:
        groups = find_duplicates(tenant_id=self.tenant.pk)
        list(merge_groups(tenant_id=self.tenant.pk, groups=groups, now=timezone.now()))
        assert find_duplicates(tenant_id=self.tenant.pk) == []

    def undo(self, place: int) -> None:
        """Undo some merge; one that stands has changed nothing."""
        merges = list(ContactMerge.objects.filter(undone_at=None).order_by("-pk"))
        if not merges:
            return
        before = tables()
        try:
            self._undo(merges[place % len(merges)])
        except MergeStands:
            assert tables() == before

    def undo_all_since(self, merge_id: int) -> None:
        for merge in ContactMerge.objects.filter(
            undone_at=None, pk__gt=merge_id
        ).order_by("-pk"):
            self._undo(merge)

    def _undo(self, merge: ContactMerge) -> None:
        undo_merge(
            merge_id=merge.pk,
            tenant_id=self.tenant.pk,
            undone_by=None,
            now=timezone.now(),
        )

    def _contact(self, place: int) -> Contact | None:
        contacts = list(Contact.objects.order_by("pk"))
        return contacts[place % len(contacts)] if contacts else None

    def check(self) -> None:
        """See that nothing is lost, and every counter is true."""
        messages = ChatMessage.objects.order_by()
        assert dict(messages.values_list("wamid", "text")) == self.texts
        assert not messages.filter(contact=None).exists()
        for contact in Contact.objects.annotate(
            count=Count("messages"),
            first=Min("messages__sent_at"),
            last=Max("messages__sent_at"),
        ):
            assert contact.message_count == contact.count
            assert contact.first_message_at == contact.first
            assert contact.last_message_at == contact.last
            assert contact.tenant_id == self.tenant.pk
        living = set(Contact.objects.values_list("pk", flat=True))
        owners = ContactIdentity.objects.values_list("contact_id", flat=True)
        assert set(owners) <= living
        assert set(messages.values_list("contact_id", flat=True)) <= living
        connection.check_constraints()


@pytest.mark.django_db
@settings(
    max_examples=40,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
@given(
    story=st.lists(
        st.one_of(writing, writing, inserting, staff, merging, undoing),
        min_size=4,
        max_size=16,
    ),
    merges=st.lists(st.one_of(merging, merging, undoing), min_size=1, max_size=8),
)
def test_merges_and_undos_in_any_order_lose_nothing(
    settings: Any, story: list[Any], merges: list[Any]
) -> None:
    settings.WHATSAPP_APP_SECRET = [APP_SECRET]
    with transaction.atomic():
        world = World()
        for step in story:
            world.do(*step)
            world.check()

        before = tables()
        latest = ContactMerge.objects.order_by("-pk").values_list("pk", flat=True)
        began_with = latest.first() or 0
        undone_before = set(
            ContactMerge.objects.filter(undone_at=None).values_list("pk", flat=True)
        )
        for step in merges:
            world.do(*step)
            world.check()
        world.undo_all_since(began_with)

        world.check()
        # Unless the story's own merges were undone meanwhile, all is as it was.
        if undone_before <= set(
            ContactMerge.objects.filter(undone_at=None).values_list("pk", flat=True)
        ):
            assert tables() == before
        transaction.set_rollback(True)
