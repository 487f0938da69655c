"""Filters of the list of entries that stay quick at millions of rows."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from customers.models import Customer
from tenants.access import tenants_of, visible
from tenants.row_ids import row_id_of

_MOST_STATES = 100
_MOST_TENANTS = 50
_LATEST_UPLOADS = 20

# The app of uploads stands above this one and is not imported.
_FileUpload: Any = Customer._meta.get_field("upload").related_model

# Hops over the index from one state to the next, tenant by tenant: DISTINCT would read
# every entry.
_STATES = """
SELECT DISTINCT found.state FROM unnest(%(tenants)s::bigint[]) AS tenant (id)
CROSS JOIN LATERAL (
    WITH RECURSIVE hop AS (
        (SELECT state FROM customers WHERE tenant_id = tenant.id AND state > ''
         ORDER BY state LIMIT 1)
        UNION ALL
        SELECT (SELECT state FROM customers
                WHERE tenant_id = tenant.id AND state > hop.state
                ORDER BY state LIMIT 1)
        FROM hop WHERE hop.state IS NOT NULL
    )
    SELECT state FROM hop WHERE state IS NOT NULL LIMIT %(most)s
) AS found
ORDER BY found.state
"""


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        tenants = tenants_of(request.user).values_list("pk", flat=True)
        with connection.cursor() as cursor:
            cursor.execute(
                _STATES,
                {"tenants": list(tenants[:_MOST_TENANTS]), "most": _MOST_STATES},
            )
            return [(state, state) for (state,) in cursor.fetchall()]

    def queryset(
        self, request: HttpRequest, rows: QuerySet[Customer]
    ) -> QuerySet[Customer]:
        return rows.filter(state=self.value()) if self.value() else rows


class UploadFilter(SimpleListFilter):
    """The rows of one file; the latest are offered, the file's page leads to any."""

    title = "file"
    parameter_name = "upload"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        uploads: Any = visible(_FileUpload.objects.all(), user=request.user)
        offered = list(uploads.values_list("pk", "original_name")[:_LATEST_UPLOADS])
        chosen = row_id_of(self.value() or "")
        if chosen is not None and chosen not in dict(offered):
            offered += uploads.filter(pk=chosen).values_list("pk", "original_name")
        return [(str(pk), f"{name} ({pk})") for pk, name in offered]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return rows
        upload_id = row_id_of(chosen)
        return rows.none() if upload_id is None else rows.filter(upload=upload_id)
