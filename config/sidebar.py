"""What stands in the admin's sidebar."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from tenants.scoped_admin import is_superuser

# (title, ((model, icon), …)); who may see a model's list sees its link. What is seldom
# asked for is under "All applications".
SIDEBAR = (
    (
        "Conversations",
        (
            ("contacts.Contact", "contacts"),
            ("contacts.ContactMerge", "merge"),
            ("messaging.ChatMessage", "forum"),
            ("messaging.MessageMedia", "perm_media"),
            ("messaging.MessageStatus", "done_all"),
            ("messaging.WebhookEvent", "webhook"),
        ),
    ),
    (
        "Loans",
        (
            ("customers.Customer", "account_balance_wallet"),
            ("uploads.FileUpload", "upload_file"),
            ("uploads.RowIssue", "rule"),
            ("uploads.ColumnMapping", "view_column"),
        ),
    ),
    (
        "Set-up",
        (
            ("tenants.Tenant", "storefront"),
            ("tenants.WhatsAppNumber", "perm_phone_msg"),
            ("tenants.ApiClient", "key"),
            ("auth.User", "badge"),
            ("auth.Group", "group"),
            ("axes.AccessLog", "login"),
            ("axes.AccessAttempt", "lock_person"),
        ),
    ),
)
TITLES = {
    "contacts.ContactMerge": "Contact merges",
    "messaging.ChatMessage": "Messages",
    "messaging.MessageStatus": "Delivery reports",
    "messaging.WebhookEvent": "Webhook events",
    "uploads.FileUpload": "Uploads",
    "uploads.RowIssue": "Refused rows",
    "uploads.ColumnMapping": "Known layouts",
    "tenants.WhatsAppNumber": "Numbers",
    "tenants.ApiClient": "API clients",
    "auth.User": "Staff",
    "auth.Group": "Roles",
    "axes.AccessLog": "Logins",
    "axes.AccessAttempt": "Failed logins",
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups with what this visitor may open, and no more."""
    groups: list[dict[str, Any]] = [
        {
            "items": [
                {
                    "title": "Dashboard",
                    "icon": "monitoring",
                    "link": reverse("admin:index"),
                    "active": request.path == reverse("admin:index"),
                }
            ]
        }
    ]
    if is_superuser(request):
        groups[0]["items"].append(
            {
                "title": "Is all well?",
                "icon": "health_and_safety",
                "link": reverse("verify"),
                "active": request.path == reverse("verify"),
            }
        )
    for title, entries in SIDEBAR:
        items = [
            {
                "title": TITLES.get(label) or str(options.verbose_name_plural).title(),
                "icon": icon,
                "link": reverse(
                    f"admin:{options.app_label}_{options.model_name}_changelist"
                ),
            }
            for label, icon in entries
            if (options := shown(label, request))
        ]
        if items:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def shown(label: str, request: HttpRequest) -> Any:
    """Return the model's options when this visitor may open its list."""
    model = apps.get_model(label)
    if not admin.site.is_registered(model):
        return None
    page = admin.site.get_model_admin(model)
    return model._meta if page.has_view_or_change_permission(request) else None
