"""Contacts, for other programs."""

import re
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_view,
)
from rest_framework.exceptions import ParseError
from rest_framework.generics import RetrieveAPIView
from rest_framework.serializers import ModelSerializer

from contacts.api_changes import (
    ChangePagination,
    Tombstone,
    TombstoneSerializer,
    deleted_contacts,
)
from contacts.models import Contact, ContactIdentity, DeletedContact
from contacts.phones import PhoneRefused, canonical, parse_phone, variants
from tenants.access import visible_to_client
from tenants.api_fields import EmailOrNull
from tenants.api_views import TenantList, TenantView
from tenants.parameters import moment_parameter

_WA_ID = re.compile(r"\+?([0-9]{5,20})")


class ContactSerializer(ModelSerializer[Contact]):
    email = EmailOrNull()

    class Meta:
        model = Contact
        fields = [
            "id", "phone_number", "name", "name_source", "profile_name", "username",
            "email", "email_source", "marketing_preference", "first_message_at",
            "last_message_at", "message_count", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        if isinstance(instance, Tombstone):
            return dict(TombstoneSerializer(instance).data)
        return super().to_representation(instance)


@extend_schema_view(
    get=extend_schema(
        operation_id="contacts_list",
        summary="The tenant's contacts, the newest first",
        parameters=[
            OpenApiParameter(
                "phone",
                description="Who has, or had, this number, however it is "
                "written. Without a country code it is one of the tenant's country.",
            ),
            OpenApiParameter(
                "updated_since",
                description="ISO 8601, with an offset or Z. Those that changed since "
                "come in the order of their changes, and as tombstones those that were "
                "merged into another or erased since. One that changes while you read "
                "comes again. Follow `next` to its end; the next time, send "
                "`next_updated_since` of the answer.",
            ),
        ],
        responses=PolymorphicProxySerializer(
            "ContactOrTombstone",
            [ContactSerializer, TombstoneSerializer],
            resource_type_field_name=None,
            many=True,
        ),
    )
)
class ContactList(TenantList[Contact]):
    serializer_class = ContactSerializer
    pagination_class = ChangePagination
    filters = ("phone", "updated_since")
    order = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Contact]:
        contacts = self.own(Contact.objects.all())
        if phone := self.parameter("phone"):
            digits = read_digits(phone, country=self.tenant.country)
            shown = contacts.order_by().filter(phone_number__in=variants(digits))
            had = visible_to_client(
                ContactIdentity.objects.all(), client=self.client
            ).filter(kind=ContactIdentity.Kind.PHONE, value=canonical(digits))
            # One arm for each index: an OR would read the whole table.
            found = shown.values("pk").union(had.values("contact_id"))
            contacts = contacts.filter(pk__in=found)
        return contacts

    def since(self) -> datetime | None:
        """Return since when a change is asked for; None when it is not."""
        since = self.parameter("updated_since")
        return moment_parameter("updated_since", since) if since else None

    def deleted(self) -> QuerySet[DeletedContact]:
        """Return the contacts that are gone; nothing says whose number they had."""
        rows = visible_to_client(DeletedContact.objects.all(), client=self.client)
        return rows.none() if self.parameter("phone") else deleted_contacts(rows)


@extend_schema_view(
    get=extend_schema(operation_id="contacts_retrieve", summary="One contact")
)
class ContactDetail(TenantView[Contact], RetrieveAPIView[Contact]):
    serializer_class = ContactSerializer
    lookup_url_kwarg = "contact_id"

    def get_queryset(self) -> QuerySet[Contact]:
        return self.own(Contact.objects.all())


def read_digits(text: str, *, country: str) -> str:
    """Return the digits, with country code, of a number as a person or program has it.

    What is no mobile number, but may be WhatsApp's spelling of a foreign one, is taken
    as it is. Raises ParseError, with the reason, for the rest.
    """
    # A plus that was typed into the address arrives as a space.
    text = text.strip()
    try:
        return parse_phone(text, region=country).removeprefix("+")
    except PhoneRefused as exc:
        if spelled := _WA_ID.fullmatch(text):
            return spelled[1]
        raise ParseError(f"phone: {exc.message}") from exc
