"""Contacts in the order in which they changed, and those that are gone, for programs.

A program that keeps a copy asks again and again for what changed since. Two things
would make it miss a change: rows that are committed later than their `updated_at`
says, which `next_updated_since` allows for, and pages by number, which cursors are not.
"""

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.models import Contact, ContactMerge, DeletedContact
from tenants.keyset import KeysetPagination, beyond, place_of

# A change takes its time from the clock of its process before its transaction begins,
# perhaps behind others' locks, and the clocks of machines differ.
MARGIN = timedelta(minutes=2)

_NAMES = ("updated_at", "id")
_GONE_NAMES = ("updated_at", "contact_id")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A contact that is gone; `merged_into` is None when it was erased."""

    id: int
    updated_at: datetime
    merged_into: int | None

    @property
    def erased(self) -> bool:
        return self.merged_into is None


class TombstoneSerializer(serializers.Serializer[Any]):
    """A contact that is gone: nothing of the person is left in it."""

    id = serializers.IntegerField()
    updated_at = serializers.DateTimeField()
    merged_into = serializers.IntegerField(
        allow_null=True, help_text="The contact that it is part of now."
    )
    erased = serializers.BooleanField(
        help_text="Deleted: forget what you keep of it. False when it was merged."
    )


class ChangePagination(KeysetPagination):
    """As `KeysetPagination`; by change where the view was asked what changed since."""

    since: datetime | None = None
    next_since: datetime

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.since = view.since()
        if self.since is None:
            return super().paginate_queryset(queryset, request, view)
        self.request, self.next_place = request, None
        limit, place = self.limit(request), None
        if cursor := request.query_params.get("cursor"):
            updated_at = Contact._meta.get_field("updated_at")
            fields = [updated_at, updated_at, Contact._meta.pk]
            self.next_since, *place = place_of(cursor, fields)
        else:
            self.next_since = settled_until() - MARGIN
        changed, gone = (
            queryset.order_by(*_NAMES),
            view.deleted().order_by(*_GONE_NAMES),
        )
        changed = changed.filter(updated_at__gte=self.since)
        gone = gone.filter(updated_at__gte=self.since)
        if place:
            changed = changed.filter(beyond(place, _NAMES, "gt"))
            gone = gone.filter(beyond(place, _GONE_NAMES, "gt"))
        both = heapq.merge(
            changed[: limit + 1],
            [
                Tombstone(one.contact_id, one.updated_at, one.merged_into)
                for one in gone[: limit + 1]
            ],
            key=attrgetter(*_NAMES),
        )
        page = [one for one, _ in zip(both, range(limit + 1), strict=False)]
        if len(page) > limit:
            page.pop()
            self.next_place = [self.next_since, page[-1].updated_at, page[-1].id]
        return page

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        if self.since is not None:
            response.data["next_updated_since"] = self.next_since
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        described["properties"]["next_updated_since"] = {
            "type": "string",
            "format": "date-time",
            "description": "With `updated_since`: what to send as that the next time, "
            "the same on every page. It lies some minutes back, so that changes which "
            "were not committed yet are not missed; what you have comes again.",
        }
        return described


def deleted_contacts(rows: QuerySet[DeletedContact]) -> QuerySet[DeletedContact]:
    """Return those of `rows` that are still gone, with `merged_into`."""
    merges = ContactMerge.objects.filter(
        merged_contact_id=OuterRef("contact_id"), undone_at=None
    ).order_by("-pk")
    there = Contact.objects.filter(pk=OuterRef("contact_id"))
    return rows.filter(~Exists(there)).annotate(
        merged_into=Subquery(merges.values("survivor_id")[:1])
    )


def settled_until() -> datetime:
    """Return a moment such that whatever is being written was begun after it.

    PostgreSQL tells of the transactions of its own role; each of ours is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT LEAST(clock_timestamp(), min(xact_start)) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'
                AND pid <> pg_backend_pid()
            """
        )
        (moment,) = cursor.fetchone()
    settled: datetime = moment
    return settled
