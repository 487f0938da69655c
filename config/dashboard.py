"""The admin's first page: what came in, what waits, what went wrong."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone

from config import figures
from tenants.access import tenants_of
from tenants.scoped_admin import is_superuser

# A webhook is behind when its oldest event has waited longer than two sweeps.
BEHIND_AFTER_SECONDS = 120
LATEST = 6


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures of the visitor's tenants, each behind the right to its rows."""
    user = request.user
    if isinstance(user, AnonymousUser):
        return context
    now = timezone.now()
    tenants = list(tenants_of(user))
    tenant_ids = [tenant.pk for tenant in tenants]
    context |= {
        "title": "Dashboard",
        "tenants": tenants,
        "several_tenants": len(tenants) > 1,
        "tenant_names": {tenant.pk: tenant.name for tenant in tenants},
        "now": now,
    }
    if user.has_perm("contacts.view_contact"):
        context["contacts"] = figures.count_contacts(tenant_ids=tenant_ids, now=now)
        context["conversations"] = figures.latest_conversations(
            tenant_ids=tenant_ids, most=LATEST
        )
    if user.has_perm("messaging.view_chatmessage"):
        days = figures.count_messages(tenant_ids=tenant_ids, now=now)
        context["messages_today"] = days[-1]
        context["chart"] = _chart(days)
        context["messages_bound"] = figures.DAY_BOUND
        context["messages_bound_reached"] = any(
            day.received + day.sent >= figures.DAY_BOUND for day in days
        )
    if user.has_perm("customers.view_customer"):
        context["entries"] = figures.count_entries(tenant_ids=tenant_ids)
    if user.has_perm("uploads.view_fileupload"):
        context["uploads"] = figures.latest_uploads(tenant_ids=tenant_ids, most=LATEST)
    if is_superuser(request):
        webhook = figures.look_at_webhook()
        oldest = webhook.oldest_pending_at
        context["webhook"] = webhook
        context["webhook_behind"] = (
            oldest is not None and (now - oldest).total_seconds() > BEHIND_AFTER_SECONDS
        )
    return context


def _chart(days: list[figures.DayOfMessages]) -> dict[str, Any]:
    """Return the bars as shares of the highest, which the template draws in CSS."""
    highest = max(max(day.received, day.sent) for day in days)
    return {
        "highest": highest,
        "received": sum(day.received for day in days),
        "sent": sum(day.sent for day in days),
        "days": [
            {
                "day": day.day,
                "received": day.received,
                "sent": day.sent,
                "received_share": _share(day.received, highest),
                "sent_share": _share(day.sent, highest),
            }
            for day in days
        ],
    }


def _share(part: int, whole: int) -> int:
    # A single message is still a bar to be seen.
    return max(2, round(100 * part / whole)) if part else 0
