"""All that one tenant knows of a person, for the person."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from contacts.erasing import find_known
from contacts.models import Contact, ContactIdentity, ContactMerge
from customers.models import Customer
from messaging.models import ChatMessage, MessageMedia, MessageStatus
from tenants.models import Tenant

# Of no meaning outside this database, or kept so that nobody can read it.
_LEFT_OUT = frozenset(["tenant_id", "fetcher", "file", "national_id_digest"])


def export_person(*, tenant: Tenant, phone: str, now: datetime) -> dict[str, Any]:
    """Return contacts, identities, messages, reports, media and loan entries.

    Of whom the number (digits) means, in this tenant only. National ids are masked, as
    they are kept. Nobody known: empty lists.
    """
    known = find_known(tenant=tenant, phone=phone)
    of_contacts = {"contact_id__in": known.contact_ids}
    messages = ChatMessage.objects.filter(tenant=tenant, **of_contacts)
    return {
        "tenant": tenant.name,
        "exported_at": now,
        "contacts": _rows(Contact.objects.filter(pk__in=known.contact_ids)),
        "identities": _rows(ContactIdentity.objects.filter(**of_contacts)),
        "merges": _rows(ContactMerge.objects.filter(survivor_id__in=known.contact_ids)),
        "messages": _rows(messages),
        "media": _rows(MessageMedia.objects.filter(message__in=messages)),
        "delivery_reports": _rows(
            MessageStatus.objects.filter(
                tenant=tenant, wamid__in=messages.values("wamid")
            )
        ),
        "loan_entries": [
            {**row, "file": row.pop("upload__original_name")}
            for row in _rows(
                Customer.objects.filter(
                    tenant=tenant,
                    primary_phone__in=[f"+{one}" for one in known.phones],
                ),
                "upload__original_name",
            )
        ],
    }


def _rows(rows: QuerySet[Any], *more: str) -> list[dict[str, Any]]:
    names = [*_columns(rows.model), *more]
    return list(rows.order_by("pk").values(*names))


def _columns(model: type[Model]) -> Iterable[str]:
    return (
        field.attname
        for field in model._meta.concrete_fields
        if field.attname not in _LEFT_OUT
    )
