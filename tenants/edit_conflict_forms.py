"""A change form that knows what it showed, what was sent, and what is stored by now."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Protocol

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.forms.boundfield import BoundField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format

from tenants.change_history import ColumnChange, Mask, text_of, values_changed
from tenants.shown_values import SHOWN, Shown, read_shown, sign_shown


class HistoryReader(Protocol):
    """What the form asks the admin that it belongs to."""

    stored_in: ClassVar[Mapping[str, str]]

    def unshown_values(self, row: Any) -> Mapping[str, str]: ...

    def changed_by(
        self, request: HttpRequest, row: Any, column: str, *, since: datetime
    ) -> tuple[str, datetime | None]: ...


class _StoredUnlessChanged(BoundField):
    """Shows what is stored when the form comes back and its reader changed nothing."""

    form: "EditConflictForm"

    def value(self) -> Any:
        form = self.form
        if form.is_bound and self.name in form.stored.keys() - set(form.touched):
            return self.field.prepare_value(form.stored[self.name])
        return super().value()


class EditConflictForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """The form of a row that exists, mixed in by `EditConflictAdmin.get_form`."""

    bound_field_class = _StoredUnlessChanged
    # Set by get_form.
    model_admin: ClassVar[HistoryReader]
    request: ClassVar[HttpRequest]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = {
            name: _for_page(field.prepare_value(self.initial.get(name)))
            for name, field in self.fields.items()
            if not _never_shown(field) and name in self.initial
        }
        self.behind = self.model_admin.unshown_values(self.instance)
        self.shown: Shown | None = None
        if self.is_bound:
            self.shown = read_shown(
                model=type(self.instance),
                pk=self.instance.pk,
                token=self.data.get(SHOWN),
            )

    @property
    def shown_token(self) -> str:
        """What this page is to send back."""
        return sign_shown(
            model=type(self.instance),
            pk=self.instance.pk,
            values={**self.stored, **self.behind},
            now=timezone.now(),
        )

    @cached_property
    def touched(self) -> list[str]:
        """The fields whose values are not what the page showed."""
        shown = self.shown.values if self.shown else self.stored
        return [
            name
            for name, field in self.fields.items()
            if not field.disabled
            and _differs(field, shown.get(name, self.stored.get(name)), self[name].data)
        ]

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields to be written: touched, and not stored so already."""
        return [
            name
            for name in self.touched
            if name not in self.stored
            or _differs(self.fields[name], self.stored[name], self[name].data)
        ]

    def changed_columns(self) -> list[str]:
        """Return the columns of the row's own table that are to be written."""
        columns = dict.fromkeys(self.column_of(name) for name in self.changed_data)
        return [name for name in columns if _is_own_column(type(self.instance), name)]

    def column_of(self, name: str) -> str:
        return self.model_admin.stored_in.get(name, name)

    def changes(self, masks: Mapping[str, Mask]) -> Iterator[ColumnChange]:
        """Yield from what to what each column was changed, as the history holds it."""
        for name in self.changed_data:
            field = self.fields[name]
            column, label = self.column_of(name), str(self[name].label)
            if name not in self.stored:
                yield ColumnChange(column=column, label=label)
                continue
            mask = masks.get(name)
            before, after = (
                mask(str(value)) if mask and value else value
                for value in (self.stored[name], self._cleaned_text(name))
            )
            yield ColumnChange(
                column=column, label=label, values=values_changed(field, before, after)
            )

    def _stored_object(self, name: str) -> Any:
        if isinstance(self.fields[name], forms.ModelMultipleChoiceField):
            return self.initial[name]
        if isinstance(self.fields[name], forms.ModelChoiceField):
            return getattr(self.instance, name)
        return self.initial[name]

    def _cleaned_text(self, name: str) -> Any:
        return _for_page(self.fields[name].prepare_value(self.cleaned_data[name]))

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc] # Django's own hook
        # What nobody touched is not theirs to mend, nor is it written.
        for name in self.stored.keys() - set(self.changed_data):
            self.errors.pop(name, None)
            self.cleaned_data[name] = self._stored_object(name)

    def _clean_form(self) -> None:
        super()._clean_form()  # type: ignore[misc] # Django's own hook
        for name in self.changed_data:
            if sentence := self._conflict(name):
                self.add_error(name, sentence)

    def _conflict(self, name: str) -> str:
        """Say who else changed a field since the page showed it; "" when nobody did."""
        secret = name not in self.stored
        key = self.column_of(name) if secret else name
        stored = (self.behind if secret else self.stored).get(key)
        label = self[name].label
        if self.shown is None:
            if secret or SHOWN not in self.data:
                return ""  # a program that opened no page says what it wants
            return (
                f"“{label}” is {text_of(self.fields[name], stored)} now. This page was "
                "opened too long ago to tell whether you or somebody else changed it: "
                "nothing is saved yet; save again to store what stands here."
            )
        was = self.shown.values.get(key, stored)
        if was == stored:
            return ""
        who, at = self.model_admin.changed_by(
            self.request, self.instance, self.column_of(name), since=self.shown.at
        )
        by = f"by {who} ({_moment(at)})" if at else f"by {who}"
        if secret:
            return (
                f"While this page was open, “{label}” was changed {by}. Yours is not "
                "saved: enter it again to replace that."
            )
        field = self.fields[name]
        before, after, typed = (
            text_of(field, value) for value in (was, stored, self[name].data)
        )
        return (
            f"While this page was open, “{label}” was changed from {before} to {after} "
            f"{by}. You entered {typed}. Nothing is saved yet: save again to replace "
            f"{after}."
        )


def _never_shown(field: forms.Field) -> bool:
    return field.disabled or isinstance(field.widget, forms.PasswordInput)


def _for_page(value: Any) -> Any:
    """Return a prepared value as it survives JSON."""
    if isinstance(value, (list, tuple)):
        return [_for_page(one) for one in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def _differs(field: forms.Field, shown: Any, sent: Any) -> bool:
    """Tell whether a browser was told to send something else than it showed."""
    if isinstance(field, forms.CharField) and isinstance(shown, str):
        shown, sent = (
            field.to_python(_one_spelling(field, text or "")) for text in (shown, sent)
        )
    return field.has_changed(shown, sent)


def _one_spelling(field: forms.Field, text: str) -> str:
    """Undo what browsers do to line breaks: none in a line, two letters in a text."""
    if isinstance(field.widget, forms.Textarea):
        return text.replace("\r\n", "\n")
    return text.replace("\r", "").replace("\n", "")


def _is_own_column(model: type[Model], name: str) -> bool:
    try:
        return isinstance(model._meta.get_field(name), Field) and not (
            model._meta.get_field(name).many_to_many
        )
    except FieldDoesNotExist:
        return False


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")
