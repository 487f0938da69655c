"""Two people at the review of one file: neither takes back what the other chose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict

from tenants.shown_values import SHOWN, read_shown, sign_shown
from uploads.models import FileUpload
from uploads.review_form import ReviewForm


@dataclass(frozen=True, slots=True)
class MergedChoices:
    """What was sent, with what others chose meanwhile where the sender chose nothing.

    `conflicts` has a sentence for each field that both chose differently.
    """

    sent: QueryDict
    conflicts: Sequence[str]
    differs_from_page: bool


def sign_choices(form: ReviewForm, upload: FileUpload, *, now: datetime) -> str:
    """Return what the page of a review is to send back of the choices that it shows."""
    return sign_shown(model=FileUpload, pk=upload.pk, values=_choices_of(form), now=now)


def merge_choices(
    *, sent: QueryDict, form: ReviewForm, upload: FileUpload
) -> MergedChoices:
    """Compare what was sent with what its page showed and with the choices by now.

    `form` is that of the choices by now, not bound. A page that does not say what it
    showed is taken to have shown them.
    """
    shown = read_shown(model=FileUpload, pk=upload.pk, token=sent.get(SHOWN))
    stored = _choices_of(form)
    was: dict[str, Any] = {**stored, **(shown.values if shown else {})}
    merged = sent.copy()
    conflicts = []
    for name, now_chosen in stored.items():
        if was[name] == now_chosen or sent.get(name) == now_chosen:
            continue
        if sent.get(name) == was[name]:
            merged[name] = now_chosen
            continue
        names: dict[str, str] = dict(getattr(form.fields[name], "choices", ()))
        theirs, yours = (
            names.get(one, one) for one in (now_chosen, str(sent.get(name)))
        )
        conflicts.append(
            "While this page was open, somebody chose, for "
            f"“{form.fields[name].label}”: “{theirs}”. You chose “{yours}”, which was "
            "not taken over."
        )
    return MergedChoices(
        merged, conflicts, any(was[name] != one for name, one in stored.items())
    )


def _choices_of(form: ReviewForm) -> dict[str, Any]:
    return {name: str(field.initial or "") for name, field in form.fields.items()}
