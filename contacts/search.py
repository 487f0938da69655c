"""Finding contacts by what staff have in hand: some digits, or part of a name."""

import re
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet
from django.db.models.functions import Reverse

from contacts.models import Contact, ContactIdentity
from contacts.phones import variants
from tenants.models import Tenant
from tenants.paginator import CEILING
from tenants.search_terms import search_term_of

# One more than a list has pages for; a search with more answers needs more digits.
MOST = CEILING + 1

NUMBER = re.compile(r"\+?[\d\s().\-/]+")
WORD = re.compile(r"[^\s\\'&|!():*<>]+")


def matching(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Return those of `contacts` whom `text` means; every way there has its index.

    Digits mean the beginning or the end of a number, or a whole number that somebody
    had before; anything else the beginnings of words of a name or username.
    """
    text = search_term_of(text)
    if not text:
        return contacts
    if NUMBER.fullmatch(text) and (digits := re.sub(r"\D", "", text)):
        return contacts.filter(pk__in=_by_number(contacts, digits))
    words = WORD.findall(text.lower())
    if not words:
        return contacts.none()
    query = " & ".join(f"'{word}':*" for word in words)
    return contacts.annotate(
        words=SearchVector("name", "username", config="simple")
    ).filter(words=SearchQuery(query, config="simple", search_type="raw"))


def _by_number(contacts: QuerySet[Contact], digits: str) -> Any:
    """Return the ids of contacts by number: first digits, last digits, a former one.

    One arm for each index, joined by UNION: an OR would read the whole table.
    """
    ids = contacts.order_by().values("pk")
    # A range instead of LIKE: the unique index serves it in any collation.
    beginning = ids.filter(phone_number__gte=digits, phone_number__lt=digits + ":")
    ending = ids.alias(reversed_phone=Reverse("phone_number")).filter(
        reversed_phone__startswith=digits[::-1]
    )
    former = (
        ContactIdentity.objects.filter(
            kind=ContactIdentity.Kind.PHONE,
            value__in=variants(digits),
            # Every tenant's, so that the index, which starts with the tenant, is used;
            # whose contacts may be found is up to the queryset.
            tenant__in=Tenant.objects.order_by(),
        )
    ).values("contact_id")
    return beginning[:MOST].union(ending[:MOST], former[:MOST])
