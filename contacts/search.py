"""Finding contacts by what staff have in hand: a number, part of a name, a loan."""

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Reverse

from contacts.file_search import phones_in_files
from contacts.models import Contact, ContactIdentity
from contacts.phones import canonical, variants
from tenants.access import Visitor, tenants_of
from tenants.models import Tenant
from tenants.paginator import CEILING
from tenants.search_terms import (
    calling_codes_of,
    first_digits,
    last_digits,
    search_term_of,
    typed_digits,
)

# One more than a list has pages for; a search with more answers needs more digits.
MOST = CEILING + 1

WORD = re.compile(r"[^\s\\'&|!():*<>]+")

# Whom somebody inserted by hand has no identity before their first message. The one
# index begins with the tenant, the other with the number.
_BY_PHONES = """
    WITH found AS (
        SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])
            AS found (tenant_id, canonical, spelled)
    )
    SELECT contact_id FROM found JOIN contact_identities AS identity
        ON identity.tenant_id = found.tenant_id AND identity.kind = 'phone'
            AND identity.value = found.canonical
    UNION
    SELECT contacts.id FROM found JOIN contacts
        ON contacts.phone_number = found.spelled
            AND contacts.tenant_id = found.tenant_id
"""


def matching(
    contacts: QuerySet[Contact], text: str, *, user: Visitor
) -> QuerySet[Contact]:
    """Return those of `contacts` whom `text` means; every way there has its index.

    Digits mean the beginning or the end of a number, however it is dialled, or a whole
    number that somebody had before; anything else the beginnings of words of a name or
    username. Either may mean somebody by a name, phone or loan number in the files that
    `user` may see.
    """
    text = search_term_of(text)
    if not text:
        return contacts
    arms: list[Any] = []
    if digits := typed_digits(text):
        arms += _by_number(contacts, digits, user=user)
    elif words := WORD.findall(text.lower()):
        arms.append(_by_words(contacts, words))
    if phones := phones_in_files(text, user=user):
        arms.append(contacts.filter(pk__in=_ids_by_phones(phones)))
    if not arms:
        return contacts.none()
    # Joined by UNION: an OR would read the whole table.
    first, *others = (arm.order_by().values("pk")[:MOST] for arm in arms)
    return contacts.filter(pk__in=first.union(*others) if others else first)


def _by_number(
    contacts: QuerySet[Contact], digits: str, *, user: Visitor
) -> list[QuerySet[Contact]]:
    """Return contacts by number: first digits, last digits, a former one."""
    countries = set(tenants_of(user).order_by().values_list("country", flat=True))
    beginnings = first_digits(digits, calling_codes=calling_codes_of(countries))
    former = ContactIdentity.objects.filter(
        kind=ContactIdentity.Kind.PHONE,
        value__in={spelled for one in beginnings for spelled in variants(one)},
        # Every tenant's, so that the index, which starts with the tenant, is used;
        # whose contacts may be found is up to the queryset.
        tenant__in=Tenant.objects.order_by(),
    )
    return [
        # A range instead of LIKE: the unique index serves it in any collation.
        *(contacts.filter(_begins(one)) for one in beginnings),
        *(
            contacts.alias(reversed_phone=Reverse("phone_number")).filter(
                reversed_phone__startswith=one[::-1]
            )
            for one in last_digits(digits)
        ),
        contacts.filter(pk__in=former.values("contact_id")),
    ]


def _begins(digits: str) -> Q:
    return Q(phone_number__gte=digits, phone_number__lt=digits + ":")


def _by_words(contacts: QuerySet[Contact], words: Iterable[str]) -> QuerySet[Contact]:
    query = " & ".join(f"'{word}':*" for word in words)
    return contacts.alias(
        words=SearchVector("name", "username", config="simple")
    ).filter(words=SearchQuery(query, config="simple", search_type="raw"))


def _ids_by_phones(phones: Iterable[tuple[int, str]]) -> RawSQL:
    numbers = [(tenant, phone.removeprefix("+")) for tenant, phone in sorted(phones)]
    spelled = [
        (tenant, canonical(number), one)
        for tenant, number in numbers
        for one in variants(number)
    ]
    columns = [list(column) for column in zip(*spelled, strict=True)]
    return RawSQL(_BY_PHONES, columns)  # noqa: S611 # all are parameters
