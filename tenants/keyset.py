"""Pages of a list by where the last one ended: as quick at the end as at the start.

Nothing is counted and nothing is skipped. A cursor is the place of a row in the list's
order; whose list it is, it does not say.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import DateTimeField, IntegerField, Q, QuerySet
from rest_framework.exceptions import ParseError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from tenants.parameters import count_parameter, moment_of
from tenants.row_ids import row_id_of

PAGE_PARAMETERS = ("cursor", "limit")

Place = Sequence[Any]


class KeysetPagination(BasePagination):
    """`?limit=` rows, and `next`, the address of those that come after them."""

    usual = 50
    most = 200

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.request = request
        self.next_place: Place | None = None
        limit = self.limit(request)
        names = [name.removeprefix("-") for name in view.order]
        onwards = "lt" if view.order[0][0] == "-" else "gt"
        rows = queryset.order_by(*view.order)
        if cursor := request.query_params.get("cursor"):
            place = place_of(cursor, [queryset.model._meta.get_field(n) for n in names])
            rows = rows.filter(beyond(place, names, onwards))
        page = list(rows[: limit + 1])
        if len(page) > limit:
            page.pop()
            self.next_place = [getattr(page[-1], name) for name in names]
        return page

    def limit(self, request: Request) -> int:
        asked = request.query_params.get("limit", str(self.usual))
        return count_parameter("limit", asked, most=self.most)

    def get_paginated_response(self, data: Any) -> Response:
        next_address = None
        if self.next_place is not None:
            next_address = replace_query_param(
                self.request.build_absolute_uri(), "cursor", cursor_of(self.next_place)
            )
        return Response({"next": next_address, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "The following page; null on the last one.",
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "description": "Where to go on; `next` has it.",
                "schema": {"type": "string"},
            },
            {
                "name": "limit",
                "in": "query",
                "description": "How many to a page.",
                "schema": {
                    "type": "integer",
                    "default": self.usual,
                    "minimum": 1,
                    "maximum": self.most,
                },
            },
        ]


def beyond(place: Place, names: Sequence[str], way: str) -> Q:
    """Ask for the rows on one side of a place: `lt` before it, `gt` behind it."""
    # Said of the first column alone as well, for the planner: an OR is no range.
    asked = Q()
    for depth, name in enumerate(names):
        same = dict(zip(names[:depth], place, strict=False))
        asked |= Q(**same, **{f"{name}__{way}": place[depth]})
    return Q(**{f"{names[0]}__{way}e": place[0]}) & asked


def cursor_of(place: Place) -> str:
    texts = [
        one.isoformat() if isinstance(one, datetime) else str(one) for one in place
    ]
    return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode().rstrip("=")


def place_of(cursor: str, fields: Sequence[Any]) -> Place:
    """Return the place that a cursor means, a value for each of these model fields.

    Raises ParseError for what is none.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        texts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        place = [
            _value_of(field, _text(text))
            for field, text in zip(fields, texts, strict=True)
        ]
    except (
        Invalid, ValueError, TypeError, RecursionError, binascii.Error,
    ) as exc:  # fmt: skip
        raise ParseError("cursor: not one of ours. Start again without it.") from exc
    return place


def _value_of(field: Any, text: str) -> Any:
    """Return a column's value; raises ValueError or ValidationError for none of its."""
    column = field.target_field if field.is_relation else field
    if isinstance(column, DateTimeField):
        return moment_of(text)
    if not isinstance(column, IntegerField):
        return column.to_python(text)
    number = row_id_of(text)
    if number is None:
        raise ValueError("no row's number")
    return number


def _text(one: Any) -> str:
    if not isinstance(one, str):
        raise TypeError("cursors are made of texts")
    return one
