"""How long each tenant keeps what it need not keep for good."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from tenants.models import Tenant

Term = Literal["keep_files_days", "keep_issues_days", "keep_media_days"]


def terms_over(
    term: Term, *, days: int, now: datetime, tenant_id: int | None = None
) -> Iterator[tuple[int, datetime]]:
    """Yield each tenant's id and the time before which its term is over.

    `days` holds where the tenant says nothing else; 0 days keep for good, and a tenant
    on hold keeps everything.
    """
    tenants = Tenant.objects.filter(on_hold=False).order_by("pk")
    if tenant_id is not None:
        tenants = tenants.filter(pk=tenant_id)
    for one, own_days in tenants.values_list("pk", term):
        kept_days = days if own_days is None else own_days
        if kept_days:
            yield one, now - timedelta(days=kept_days)
