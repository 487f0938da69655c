"""Staff merge two contacts, and take merges back: each after a look at both."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods
from unfold.decorators import display

from contacts.deduplicating import merge_two
from contacts.merged_meanwhile import find_standing_merge, merges_seen
from contacts.merging import ContactsChanged
from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.panels import render_merge_panels
from contacts.search import matching
from contacts.standing import combined
from contacts.unmerging import MergeStands, preview_undo, undo_merge
from tenants.row_ids import row_id_of
from tenants.scoped_admin import TenantScopedAdmin, ViewOnlyAdmin

_FOUND = 20
_IDENTITIES = 20
NO_MERGES = "0.0"  # what `merges_seen` returns of two that were never merged


class MergingAdmin(TenantScopedAdmin):
    """What the list and the page of contacts offer for merging two of a tenant's."""

    actions = ["merge_the_two"]

    def get_urls(self) -> list[URLPattern]:
        merge = path(
            "<int:contact_id>/merge/",
            self.admin_site.admin_view(
                require_http_methods(["GET", "POST"])(self.merge_view)
            ),
            name="contacts_contact_merge",
        )
        return [merge, *super().get_urls()]

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Lead whoever asks for a contact that was merged away to the one that stays.

        A page may have been open since before, and its form be sent only now.
        """
        merged_id = row_id_of(unquote(object_id))
        if merged_id is not None:
            merge = find_standing_merge(
                contacts=self.get_queryset(request), merged_id=merged_id
            )
            if merge is not None:
                messages.warning(
                    request,
                    f"Contact {merged_id} has been merged into this one; what you "
                    "entered there was not saved."
                    if request.method == "POST"
                    else f"Contact {merged_id} has been merged into this one.",
                )
                return redirect("admin:contacts_contact_change", merge.survivor_id)
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)

    @admin.action(description="Merge the two…", permissions=["change"])
    def merge_the_two(
        self, request: HttpRequest, contacts: QuerySet[Contact]
    ) -> HttpResponse | None:
        chosen = list(contacts.order_by("created_at", "pk")[:3])
        if len(chosen) != 2:
            messages.warning(request, "Choose exactly two contacts to merge.")
            return None
        older, newer = chosen
        if older.tenant_id != newer.tenant_id:
            messages.warning(request, "They belong to two tenants: two people, then.")
            return None
        page = reverse("admin:contacts_contact_merge", args=[older.pk])
        return redirect(f"{page}?with={newer.pk}")

    def merge_view(self, request: HttpRequest, contact_id: int) -> HttpResponse:
        """Find whom to merge a contact with, show both, and merge when confirmed."""
        asked = request.POST if request.method == "POST" else request.GET
        if answer := self._merged_already(
            request, str(contact_id), asked.get("with", "")
        ):
            return answer
        contact = self._find_to_merge(request, str(contact_id))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Merge {contact}",
            "contact": contact,
        }
        if "with" not in asked:
            context |= self._search(request, contact)
            return TemplateResponse(request, "contacts/merge_choose.html", context)
        other = self._find_to_merge(request, asked["with"])
        if other.pk == contact.pk or other.tenant_id != contact.tenant_id:
            raise Http404
        older, newer = sorted(
            (contact, other), key=lambda one: (one.created_at, one.pk)
        )
        seen = merges_seen([older, newer])
        if request.method == "POST":
            if asked.get("merges", NO_MERGES) == seen:
                return self._merge(request, older, newer)
            messages.warning(
                request,
                "Nothing was done: one of the two was merged, or a merge was undone, "
                "since this page was opened. Look at both again.",
            )
        context |= _both(older, newer) | {
            "other": other,
            "merges": seen,
            "panels": render_merge_panels(
                request=request, survivor=older, merged=newer
            ),
        }
        return TemplateResponse(request, "contacts/merge.html", context)

    def _search(self, request: HttpRequest, contact: Contact) -> dict[str, Any]:
        text = request.GET.get("q", "").strip()
        others = self.get_queryset(request).filter(tenant=contact.tenant_id)
        found = (
            list(
                matching(
                    others.exclude(pk=contact.pk), text, user=request.user
                ).order_by("name", "pk")[: _FOUND + 1]
            )
            if text
            else []
        )
        return {"q": text, "found": found[:_FOUND], "more": len(found) > _FOUND}

    def _merge(
        self, request: HttpRequest, survivor: Contact, merged: Contact
    ) -> HttpResponse:
        try:
            merge_two(
                tenant_id=survivor.tenant_id,
                survivor_id=survivor.pk,
                merged_id=merged.pk,
                merged_by=_staff(request),
                now=timezone.now(),
            )
        except ContactsChanged:
            if answer := self._merged_already(
                request, str(survivor.pk), str(merged.pk)
            ):
                return answer
            messages.warning(
                request, "Nothing was done: one of the two is not there any more."
            )
            return redirect("admin:contacts_contact_changelist")
        record = survivor.absorbed_merges.latest("pk")
        messages.success(
            request,
            format_html(
                'The two are one contact now. <a href="{}">Undo…</a>',
                reverse("admin:contacts_contactmerge_undo", args=[record.pk]),
            ),
        )
        return redirect("admin:contacts_contact_change", survivor.pk)

    def _merged_already(
        self, request: HttpRequest, *contact_ids: str
    ) -> HttpResponse | None:
        """Lead to who stays when one of these was merged away; None when none was.

        The page may have been open since before, in this window or in another.
        """
        contacts = self.get_queryset(request)
        for contact_id in map(row_id_of, contact_ids):
            if contact_id is None or contacts.filter(pk=contact_id).exists():
                continue
            merge = find_standing_merge(contacts=contacts, merged_id=contact_id)
            if merge is None or not self.has_change_permission(request):
                continue
            by = f" by {merge.merged_by}" if merge.merged_by else ""
            at = date_format(timezone.localtime(merge.merged_at), "j M Y, H:i")
            messages.info(
                request,
                f"Contact {contact_id} was merged already into contact "
                f"{merge.survivor_id}{by}, {at}. Nothing was done now.",
            )
            return redirect("admin:contacts_contact_change", merge.survivor_id)
        return None

    def _find_to_merge(self, request: HttpRequest, contact_id: str) -> Contact:
        """Return a contact of the visitor's tenants; a stranger's is not there."""
        contacts = self.get_queryset(request)
        contact = contacts.filter(pk=row_id_of(contact_id)).first()
        if not isinstance(contact, Contact):
            raise Http404
        if not self.has_change_permission(request, contact):
            raise PermissionDenied
        return contact


@admin.register(ContactMerge)
class ContactMergeAdmin(ViewOnlyAdmin):
    """What was joined into whom, and why; each with its way back."""

    list_display = [
        "former",
        "survivor",
        "tenant",
        "reason",
        "merger",
        "merged_at",
        "undone_at",
    ]
    list_select_related = ["tenant", "survivor", "merged_by"]
    list_filter = ["reason", ("undone_at", admin.EmptyFieldListFilter)]
    search_fields = ["=merged_contact_id", "=survivor__id"]
    search_help_text = "The id of either contact"
    ordering = ["-id"]
    change_form_outer_before_template = "contacts/merge_facts.html"
    fields = [
        "former",
        "survivor",
        "reason",
        "merger",
        "merged_at",
        "undone_at",
        "undone_by",
        "moved_rows",
    ]
    readonly_fields = ["former", "merger", "moved_rows"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactMerge]:
        rows: QuerySet[ContactMerge] = super().get_queryset(request)
        # As long as a conversation; the list needs none of it.
        return rows.defer("moved", "survivor_before", "survivor_after")

    def get_urls(self) -> list[URLPattern]:
        undo = path(
            "<int:merge_id>/undo/",
            self.admin_site.admin_view(
                require_http_methods(["GET", "POST"])(self.undo_view)
            ),
            name="contacts_contactmerge_undo",
        )
        return [undo, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        merge = kwargs.get("obj")
        context["may_undo"] = (
            merge is not None
            and not merge.undone_at
            and request.user.has_perm("contacts.change_contact")
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def undo_view(self, request: HttpRequest, merge_id: int) -> HttpResponse:
        """Show what comes back and what stands in the way; undo when confirmed."""
        merges = self.get_queryset(request).select_related("survivor")
        merge = merges.filter(pk=merge_id).first()
        if not isinstance(merge, ContactMerge):
            raise Http404
        if not request.user.has_perm("contacts.change_contact"):
            raise PermissionDenied
        if request.method == "POST":
            return self._undo(request, merge)
        moved = merge.moved.get(ContactIdentity._meta.db_table, [])
        identities = merge.survivor.identities.order_by("kind", "value")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Undo the merge of {merge}",
            "merge": merge,
            "undoing": preview_undo(merge, now=timezone.now()),
            "identities": identities[:_IDENTITIES],
            "kept_identities": identities.exclude(pk__in=moved)[:_IDENTITIES],
            "moved_identities": identities.filter(pk__in=moved).exclude(
                pk=merge.given_identity_id
            )[:_IDENTITIES],
        }
        return TemplateResponse(request, "contacts/merge_undo.html", context)

    def _undo(self, request: HttpRequest, merge: ContactMerge) -> HttpResponse:
        try:
            undo_merge(
                merge_id=merge.pk,
                tenant_id=merge.tenant_id,
                undone_by=_staff(request),
                now=timezone.now(),
            )
        except MergeStands:
            # The page says what stands in the way, as it is now.
            return redirect("admin:contacts_contactmerge_undo", merge.pk)
        messages.success(request, f"Contact {merge.merged_contact_id} is back.")
        return redirect("admin:contacts_contact_change", merge.merged_contact_id)

    @display(description="joined contact")
    def former(self, merge: ContactMerge) -> str:
        was = merge.merged_contact
        names = [was.get("name"), was.get("phone_number")]
        known_by = ", ".join(filter(None, dict.fromkeys(names)))
        return f"{known_by or 'no name'} (contact {merge.merged_contact_id})"

    @display(description="joined by")
    def merger(self, merge: ContactMerge) -> str:
        return str(merge.merged_by or "the product itself")

    @display(description="moved")
    def moved_rows(self, merge: ContactMerge) -> str:
        counts = (f"{len(ids)} of {table}" for table, ids in merge.moved.items() if ids)
        return ", ".join(counts) or "nothing"


def _both(survivor: Contact, merged: Contact) -> dict[str, Any]:
    return {
        "survivor": survivor,
        "merged": merged,
        "result": combined(survivor, merged),
        "survivor_identities": _identities(survivor),
        "merged_identities": _identities(merged),
        "all_identities": _identities(survivor) + _identities(merged),
    }


def _identities(contact: Contact) -> list[ContactIdentity]:
    return list(contact.identities.order_by("kind", "value")[:_IDENTITIES])


def _staff(request: HttpRequest) -> User:
    return cast(User, request.user)  # the admin lets nobody else in
