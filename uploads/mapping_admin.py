"""The layouts a tenant's staff confirmed: to be looked at, and to be forgotten."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.decorators import display

from tenants.scoped_admin import ViewOnlyAdmin
from uploads.choices import by_place
from uploads.columns import LABELS, is_helper, letter
from uploads.mappings import forget_mapping
from uploads.models import ColumnMapping
from uploads.pages import local_time

_HEADERS_LISTED = 4


class ColumnMappingAdmin(ViewOnlyAdmin):
    """What a header means is confirmed at an upload's review, nowhere else."""

    list_display = ["header", "tenant", "confirmed_by", "confirmed_at"]
    list_select_related = ["tenant", "confirmed_by"]
    ordering = ["-updated_at", "-id"]
    change_form_outer_before_template = "uploads/mapping.html"

    class Media:
        css = {"all": ["uploads/upload.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []

    @display(description="header")
    def header(self, mapping: ColumnMapping) -> str:
        shown = ", ".join(filter(None, mapping.headers[:_HEADERS_LISTED]))
        more = len(mapping.headers) - _HEADERS_LISTED
        return f"{shown} and {more} more" if more > 0 else shown

    @display(description="confirmed", ordering="updated_at")
    def confirmed_at(self, mapping: ColumnMapping) -> str:
        return local_time(mapping.updated_at, mapping.tenant)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        mapping: ColumnMapping = kwargs["obj"]
        context |= {
            "title": self.header(mapping),
            "mapping": mapping,
            "meanings": _meanings(mapping),
            "may_forget": request.user.has_perm("uploads.change_columnmapping"),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        forget = path(
            "<int:mapping_id>/forget/",
            self.admin_site.admin_view(require_POST(self.forget_view)),
            name="uploads_columnmapping_forget",
        )
        return [forget, *super().get_urls()]

    def forget_view(self, request: HttpRequest, mapping_id: int) -> HttpResponse:
        mapping = self.get_queryset(request).filter(pk=mapping_id).first()
        if mapping is None:
            raise Http404
        if not request.user.has_perm("uploads.change_columnmapping"):
            raise PermissionDenied
        forget_mapping(mapping=mapping)
        messages.success(
            request,
            "Forgotten: the next file with this header is shown before it starts.",
        )
        return redirect(reverse("admin:uploads_columnmapping_changelist"))


def _meanings(mapping: ColumnMapping) -> list[tuple[str, str]]:
    meanings = by_place(mapping.headers, mapping.mapping)
    orders = mapping.date_orders
    return [
        (
            header or f"column {letter(place)}",
            ", ".join(filter(None, [LABELS[field], orders.get(field, "")]))
            if (field := meanings.get(place))
            else "kept as it is",
        )
        for place, header in enumerate(mapping.headers)
        if not is_helper(header)
    ]
