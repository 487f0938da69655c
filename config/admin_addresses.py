"""Addresses of the admin's frameworks that stumble over odd input, made sound."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse

from tenants.row_ids import row_id_of


def view_on_site(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer that nothing is there: no row of ours has a page outside the admin.

    Django's would look the row up first, whosever it is, and fail on what is no UUID;
    its pattern takes quadratic time.
    """
    raise Http404


def search_page(request: HttpRequest) -> Any:
    """Search the admin's applications; a page that cannot be there is not there."""
    if row_id_of(request.GET.get("page", "1")) != 1:
        raise Http404  # a hundred to a page: there is one
    search: Any = getattr(admin.site, "search")  # noqa: B009 - Unfold adds it
    return search(request)
