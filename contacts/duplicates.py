"""Finding contacts of a tenant that are one person, or may be."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db import connection

from contacts.arrays import array
from contacts.cursors import bulk_cursor
from contacts.phones import SPELLED_IN_TWO_WAYS, canonical


class Ground(StrEnum):
    """Why contacts are taken for one person."""

    PHONE = "phone"
    IDENTITY = "identity"


GROUNDS = frozenset(Ground)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Contacts that are one person; the oldest is to stay."""

    survivor_id: int
    merged_ids: Sequence[int]
    grounds: frozenset[Ground]

    @property
    def contact_ids(self) -> list[int]:
        return [self.survivor_id, *self.merged_ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Contacts that may be one person: for somebody to look at, never merged."""

    contact_ids: Sequence[int]
    why: str


def find_duplicates(
    *,
    tenant_id: int,
    grounds: Collection[Ground] = GROUNDS,
    among: Collection[int] | None = None,
) -> list[Group]:
    """Return the groups of a tenant's contacts that are one person, oldest first.

    By the number they show, however it is spelled; by identity, when the number that
    one shows means another. `among` looks at these contacts only.
    """
    spelled = _numbers_in_two_spellings(tenant_id, among)
    pairs: list[tuple[int, int, Ground]] = []
    if Ground.PHONE in grounds:
        pairs += _same_numbers(tenant_id, among)
        pairs += _same_spelled(spelled)
    if Ground.IDENTITY in grounds:
        pairs += [
            (link.holder_id, link.contact_id, Ground.IDENTITY)
            for link in _links(tenant_id, spelled, among)
            if not link.has_changed_hands
        ]
    return list(_groups(pairs))


def suggest_duplicates(*, tenant_id: int) -> Iterator[Suggestion]:
    """Yield who may be one person, where only people can tell."""
    spelled = _numbers_in_two_spellings(tenant_id, None)
    for link in _links(tenant_id, spelled, None):
        if link.has_changed_hands:
            yield Suggestion(
                contact_ids=[link.holder_id, link.contact_id],
                why="the number of one was the other's before",
            )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT array_agg(id ORDER BY created_at, id) FROM contacts
            WHERE tenant_id = %s AND email <> '' AND name <> ''
            GROUP BY lower(name), lower(email) HAVING count(*) > 1
            ORDER BY min(id)
            """,
            [tenant_id],
        )
        for (contact_ids,) in cursor.fetchall():
            yield Suggestion(contact_ids=contact_ids, why="same name and e-mail")


@dataclass(slots=True)
class _Link:
    """A contact shows a number that means another, its holder."""

    contact_id: int
    holder_id: int
    value: str
    holders_number: str | None
    seen_at: datetime
    other_seen_at: datetime | None  # when the holder was last seen with another number

    @property
    def has_changed_hands(self) -> bool:
        """Tell whether the holder goes by another number since: two people, then."""
        return (
            self.other_seen_at is not None
            and self.other_seen_at >= self.seen_at
            and self.holders_number is not None
            and canonical(self.holders_number) != self.value
        )


def _numbers_in_two_spellings(
    tenant_id: int, among: Collection[int] | None
) -> dict[int, str]:
    """Return the canonical numbers of those who show one that has two spellings."""
    with bulk_cursor() as cursor:
        cursor.execute(
            f"""
            SELECT id, phone_number FROM contacts
            WHERE tenant_id = %s AND phone_number ~ %s {_among(among)}
            """,  # noqa: S608 - a constant
            [tenant_id, SPELLED_IN_TWO_WAYS, *_ids(among)],
        )
        return {contact_id: canonical(number) for contact_id, number in cursor}


def _same_numbers(
    tenant_id: int, among: Collection[int] | None
) -> Iterator[tuple[int, int, Ground]]:
    """Yield pairs with the same number, of those with one spelling."""
    with bulk_cursor() as cursor:
        cursor.execute(
            f"""
            SELECT array_agg(id) FROM contacts
            WHERE tenant_id = %s AND phone_number !~ %s {_among(among)}
            GROUP BY ltrim(phone_number, '+') HAVING count(*) > 1
            """,  # noqa: S608 - a constant
            [tenant_id, SPELLED_IN_TWO_WAYS, *_ids(among)],
        )
        for (contact_ids,) in cursor.fetchall():
            yield from _pairs(contact_ids, Ground.PHONE)


def _same_spelled(spelled: dict[int, str]) -> Iterator[tuple[int, int, Ground]]:
    by_number: dict[str, list[int]] = {}
    for contact_id, number in spelled.items():
        by_number.setdefault(number, []).append(contact_id)
    for contact_ids in by_number.values():
        yield from _pairs(contact_ids, Ground.PHONE)


def _links(
    tenant_id: int, spelled: dict[int, str], among: Collection[int] | None
) -> Iterator[_Link]:
    with bulk_cursor() as cursor:
        cursor.execute(
            f"""
            WITH spelled (id, number) AS MATERIALIZED (
                SELECT * FROM unnest(%s::bigint[], %s::text[])
            ), showing (id, number) AS (
                SELECT id, ltrim(phone_number, '+') FROM contacts
                WHERE tenant_id = %s AND phone_number !~ %s {_among(among)}
                UNION ALL SELECT id, number FROM spelled
            )
            SELECT showing.id, holder.id, identity.value, holder.phone_number,
                identity.seen_at, CASE WHEN holder.phone_number <> identity.value THEN (
                    SELECT max(other.seen_at) FROM contact_identities AS other
                    WHERE other.contact_id = holder.id AND other.kind = 'phone'
                        AND other.value <> identity.value
                ) END
            FROM showing
            JOIN contact_identities AS identity
                ON identity.tenant_id = %s AND identity.kind = 'phone'
                AND identity.value = showing.number
                AND identity.contact_id <> showing.id
            JOIN contacts AS holder ON holder.id = identity.contact_id
            """,  # noqa: S608 - a constant
            [
                array(spelled),
                array(spelled.values()),
                tenant_id,
                SPELLED_IN_TWO_WAYS,
                *_ids(among),
                tenant_id,
            ],
        )
        for row in cursor.fetchall():
            yield _Link(*row)


def _among(among: Collection[int] | None) -> str:
    return "" if among is None else "AND id = ANY(%s::bigint[])"


def _ids(among: Collection[int] | None) -> list[str]:
    return [] if among is None else [array(among)]


def _pairs(
    contact_ids: Sequence[int], ground: Ground
) -> Iterator[tuple[int, int, Ground]]:
    first, *others = contact_ids
    for other in others:
        yield first, other, ground


@dataclass(slots=True, eq=False)
class _Circle:
    """Contacts that have somebody in common, while they are being joined."""

    members: list[int]
    grounds: set[Ground] = field(default_factory=set)


def _size(circle: _Circle) -> int:
    return len(circle.members)


def _groups(pairs: Iterable[tuple[int, int, Ground]]) -> Iterator[Group]:
    """Join the pairs that have somebody in common; yield groups by who is oldest."""
    circles: dict[int, _Circle] = {}
    for one, other, ground in pairs:
        circle = circles.get(one) or circles.setdefault(one, _Circle([one]))
        others = circles.get(other)
        if others is None:
            circle.members.append(other)
            circles[other] = circle
        elif others is not circle:
            # The smaller moves, so that nobody does often.
            circle, others = sorted((circle, others), key=_size, reverse=True)
            circle.members += others.members
            circle.grounds |= others.grounds
            circles.update(dict.fromkeys(others.members, circle))
        circle.grounds.add(ground)
    ordered: dict[_Circle, list[int]] = {}
    for contact_id in _oldest_first(circles):
        ordered.setdefault(circles[contact_id], []).append(contact_id)
    for circle, (survivor_id, *merged_ids) in ordered.items():
        if merged_ids:
            yield Group(
                survivor_id=survivor_id,
                merged_ids=merged_ids,
                grounds=frozenset(circle.grounds),
            )


def _oldest_first(contact_ids: Collection[int]) -> list[int]:
    if not contact_ids:
        return []
    with bulk_cursor() as cursor:
        cursor.execute(
            "SELECT id FROM contacts WHERE id = ANY(%s::bigint[])"
            " ORDER BY created_at, id",
            [array(contact_ids)],
        )
        return [row[0] for row in cursor.fetchall()]
