"""Uploads as their load leaves them, and their search index."""

from datetime import UTC, datetime
from typing import Any

from customers.search_index import index_next_lines
from customers.tests.factories import UploadRowFactory
from tenants.models import Tenant

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def loaded_upload(tenant: Tenant, *, rows: int = 1, **facts: Any) -> Any:
    """Return an upload that has ended and loaded so many rows."""
    ended = {"status": "completed", "total_rows": rows, "succeeded_rows": rows}
    return UploadRowFactory.create(tenant=tenant, **ended | facts)


def index_all() -> None:
    """Make every index that can be made."""
    while index_next_lines(now=NOW):
        pass
