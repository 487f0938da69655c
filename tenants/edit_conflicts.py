"""No lost updates in the admin: a form writes the fields that its reader changed.

A change form carries, signed, the values that it showed. When it is sent, the row is
locked and each field compared three ways: shown, sent, stored. What the reader left as
shown is left as stored. What the reader changed is written, unless somebody else has
changed it meanwhile: then nothing is, and the form comes back with both values.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from psycopg.errors import UniqueViolation
from unfold.admin import ModelAdmin

from tenants.change_history import Mask, change_entry, find_last_change
from tenants.edit_conflict_forms import EditConflictForm
from tenants.shown_values import SHOWN, read_shown


class EditConflictAdmin(ModelAdmin):
    """The base of every admin with a form; see the module."""

    change_form_before_template = "tenants/shown_values.html"  # type: ignore[assignment] # a path or None
    # The column behind a field that is called differently.
    stored_in: ClassVar[Mapping[str, str]] = {}
    # By field: how the history shows a value that is personal.
    history_masks: ClassVar[Mapping[str, Mask]] = {}

    def unshown_values(self, row: Any) -> dict[str, str]:
        """Return by column what changes when a value does that no page may show."""
        return {}

    def changed_by(
        self, request: HttpRequest, row: Any, column: str, *, since: datetime
    ) -> tuple[str, datetime | None]:
        """Say who changed a column since then, and when, if the history knows."""
        entry = find_last_change(row=row, column=column, since=since)
        if entry is None:
            return "somebody", None
        if entry.user_id == request.user.pk:
            return "you in another window", entry.action_time
        return str(entry.user), entry.action_time

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the row; what is about to be saved is locked, and read under the lock.

        None when it is gone by then: a merge or an erasure may be taking it away.
        """
        found = super().get_object(request, object_id, from_field)
        # Without a transaction nothing is written that a form showed.
        if found is None or request.method != "POST" or not connection.in_atomic_block:
            return found
        row = self.model._base_manager.filter(pk=found.pk).order_by()
        list(row.select_for_update(no_key=True, of=("self",)).values_list("pk"))
        return super().get_object(request, object_id, from_field)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is not None:
            form = kwargs.get("form", self.form)
            kwargs["form"] = type(form)(
                form.__name__,
                (EditConflictForm, form),
                {"model_admin": self, "request": request},
            )
        return super().get_form(request, obj, change, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError as exc:
            if not isinstance(exc.__cause__, UniqueViolation):
                raise
            # Somebody stored the same between the form's look and its writing: when
            # it looks again, it finds that and says so.
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        if not change:
            super().save_model(request, obj, form, change)
        elif columns := form.changed_columns():
            obj.save(update_fields=columns)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        message: list[dict[str, Any]] = super().construct_change_message(
            request, form, formsets, add
        )
        if isinstance(form, EditConflictForm) and form.changed_data:
            # Django's own says of the form, which comes first, its labels only.
            message[0] = change_entry(list(form.changes(self.history_masks)))
        return message

    def history_name(self, row: Any) -> str:
        """Return what the history calls a row, also when it is gone."""
        return str(row)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        return self._renamed(super().log_addition(request, obj, message), obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> LogEntry:
        if not message:
            request.changed_nothing = True  # type: ignore[attr-defined] # ours to keep
            return LogEntry()
        return self._renamed(super().log_change(request, obj, message), obj)

    def _renamed(self, entry: LogEntry, row: Any) -> LogEntry:
        if entry.object_repr != (name := self.history_name(row)[:200]):
            entry.object_repr = name
            entry.save(update_fields=["object_repr"])
        return entry

    def message_user(
        self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any
    ) -> None:
        if getattr(request, "changed_nothing", False):
            messages.info(request, "You changed nothing here, so nothing was saved.")
            return
        super().message_user(request, message, *args, **kwargs)

    def redirect_from_gone(
        self, request: HttpRequest, object_id: str
    ) -> HttpResponse | None:
        """Answer a form of a row that went while its page was open.

        None unless its page was shown: to everybody else there never was such a row.
        """
        token = request.POST.get(SHOWN)
        if read_shown(model=self.model, pk=object_id, token=token) is None:
            return None
        messages.warning(
            request,
            f"This {self.opts.verbose_name} is not there any more: it was deleted, "
            "erased or moved while its page was open. What you entered was not saved.",
        )
        opts = self.opts
        return redirect(reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"))
