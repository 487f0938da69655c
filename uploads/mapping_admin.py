"""The layouts a tenant's staff confirmed: to be looked at, and to be forgotten."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from unfold.decorators import display

from tenants.scoped_admin import ViewOnlyAdmin
from tenants.shown_values import SHOWN, Shown, read_shown, sign_shown
from uploads.choices import by_place
from uploads.code_columns import phones_by_code
from uploads.columns import MEANINGS, is_helper, letter
from uploads.mappings import forget_mapping
from uploads.models import ColumnMapping
from uploads.pages import local_time

_HEADERS_LISTED = 4


class ColumnMappingAdmin(ViewOnlyAdmin):
    """What a header means is confirmed at an upload's review, nowhere else."""

    list_display = ["header", "tenant", "confirmer", "confirmed_at"]
    list_select_related = ["tenant", "confirmed_by", "confirmed_by_client"]
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

    @display(description="confirmed by", ordering="confirmed_by")
    def confirmer(self, mapping: ColumnMapping) -> str:
        return mapping.confirmer or "-"

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
            "shown_token": sign_shown(
                model=ColumnMapping,
                pk=mapping.pk,
                values=_shown_values(mapping),
                now=timezone.now(),
            ),
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
        """Forget a layout as its page showed it; what was confirmed since stays."""
        shown = read_shown(
            model=ColumnMapping, pk=mapping_id, token=request.POST.get(SHOWN)
        )
        with transaction.atomic():
            rows = self.get_queryset(request).select_for_update(of=["self"])
            mapping = rows.filter(pk=mapping_id).first()
            if mapping is None and shown is None:
                raise Http404
            if not request.user.has_perm("uploads.change_columnmapping"):
                raise PermissionDenied
            if mapping is None:
                messages.info(request, "This layout was forgotten already.")
                return redirect(reverse("admin:uploads_columnmapping_changelist"))
            if shown is None or shown.values != _shown_values(mapping):
                messages.warning(request, _confirmed_since(mapping, shown))
                return redirect("admin:uploads_columnmapping_change", mapping.pk)
            forget_mapping(mapping=mapping)
        messages.success(
            request,
            "Forgotten: the next file with this header is shown before it starts.",
        )
        return redirect(reverse("admin:uploads_columnmapping_changelist"))


def _shown_values(mapping: ColumnMapping) -> dict[str, Any]:
    return {
        "confirmed_at": mapping.updated_at.isoformat(),
        "meanings": [list(pair) for pair in _meanings(mapping)],
    }


def _confirmed_since(mapping: ColumnMapping, shown: Shown | None) -> str:
    """Say who confirmed a layout again since its page was opened, and as what."""
    if shown is None:
        return (
            "Nothing was forgotten: this page was opened too long ago to tell whether "
            "the layout was confirmed again since. It stands here as it is now."
        )
    was = [tuple(pair) for pair in shown.values["meanings"]]
    changes = ", ".join(
        f"“{header}” from “{before}” to “{after}”"
        for (header, before), (_, after) in zip(was, _meanings(mapping), strict=False)
        if before != after
    )
    return (
        f"Nothing was forgotten: {mapping.confirmer or 'somebody'} confirmed this "
        "layout again while its page was open "
        f"({local_time(mapping.updated_at, mapping.tenant)}), "
        + (f"and changed {changes}." if changes else "with the same meanings.")
    )


def _meanings(mapping: ColumnMapping) -> list[tuple[str, str]]:
    meanings = by_place(mapping.headers, mapping.mapping)
    codes = phones_by_code(mapping.headers, meanings)
    orders, units = mapping.date_orders, mapping.units
    return [
        (
            header or f"column {letter(place)}",
            ", ".join(
                filter(
                    None,
                    [
                        MEANINGS[field],
                        orders.get(field, ""),
                        f"in {units[field]}" if field in units else "",
                    ],
                )
            )
            if (field := meanings.get(place)) in MEANINGS
            else f"country code of {codes[place]}"
            if place in codes
            else "kept as it is",
        )
        for place, header in enumerate(mapping.headers)
        if not is_helper(header)
    ]
