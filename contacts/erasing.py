"""Find everything that means a person, and forget it."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q

from contacts.locking import lock_register
from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.phones import canonical, variants
from tenants.models import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a tenant's contacts say of whom a number means."""

    contact_ids: tuple[int, ...]
    phones: frozenset[str]  # every spelling, digits
    user_ids: frozenset[str]


def find_known(*, tenant: Tenant, phone: str) -> Known:
    """Return everything that means the person who has, or had, this number.

    `phone` is digits with the country code. Nobody with it: no contacts, and the
    number's own spellings.
    """
    spellings = set(variants(phone))
    contact_ids = set(
        Contact.objects.filter(
            Q(phone_number__in=spellings)
            | Q(identities__kind="phone", identities__value=canonical(phone)),
            tenant=tenant,
        ).values_list("pk", flat=True)
    )
    identities = ContactIdentity.objects.filter(contact_id__in=contact_ids)
    user_ids = set()
    for kind, value in identities.values_list("kind", "value"):
        if kind == ContactIdentity.Kind.PHONE:
            spellings |= set(variants(value))
        else:
            user_ids.add(value)
    return Known(
        contact_ids=tuple(sorted(contact_ids)),
        phones=frozenset(spellings),
        user_ids=frozenset(user_ids),
    )


def lock_known(*, tenant: Tenant, phone: str) -> Known:
    """Return what `find_known` does, held until the transaction ends."""
    lock_register(tenant.pk)
    known = find_known(tenant=tenant, phone=phone)
    rows = Contact.objects.filter(pk__in=known.contact_ids)
    list(rows.select_for_update().order_by("pk").values_list("pk"))
    return known


def forget_contacts(*, tenant: Tenant, contact_ids: Collection[int]) -> dict[str, int]:
    """Delete contacts, identities and the records of their merges; return the counts.

    After whatever points at them: messages refuse to lose their contact.
    """
    merges = ContactMerge.objects.filter(tenant=tenant).filter(
        Q(survivor_id__in=contact_ids) | Q(merged_contact_id__in=contact_ids)
    )
    return {
        "contact_merges": merges.delete()[0],
        "contact_identities": ContactIdentity.objects.filter(
            contact_id__in=contact_ids
        ).delete()[0],
        "contacts": Contact.objects.filter(tenant=tenant, pk__in=contact_ids).delete()[
            0
        ],
    }
