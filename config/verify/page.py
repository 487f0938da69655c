"""The report of `manage.py verify`, in the admin."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from config.verify import verify
from config.verify.report import Scope, worst
from tenants.scoped_admin import is_superuser

# Somebody waits for the page; the command has the patience for a recount of millions.
SECONDS_EACH = 5


def verify_page(request: HttpRequest) -> HttpResponse:
    """Show every check; for superusers, since the report is of the whole system."""
    if not is_superuser(request):
        raise PermissionDenied
    scope = Scope(now=timezone.now())
    results = list(verify(scope=scope, seconds_each=SECONDS_EACH))
    return TemplateResponse(
        request,
        "desk/verify.html",
        {
            **admin.site.each_context(request),
            "title": "Is all well?",
            "results": results,
            "worst": worst({result.level for result in results}),
            "now": scope.now,
        },
    )
