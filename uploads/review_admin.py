"""The pages' side of the review: choices come in, the upload is started."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from uploads import reviewing
from uploads.choices import Choices
from uploads.encodings import UnreadableFile
from uploads.file_processes import NotReadNow
from uploads.loaded_before import find_loaded_before, question
from uploads.models import FileUpload
from uploads.review_conflicts import merge_choices, sign_choices
from uploads.review_form import ReviewForm

_GONE = "The kept file is gone: cancel this upload and send the file again."


class ReviewPages:
    """Mixed into the uploads' admin, which finds the upload the visitor may act on."""

    _find_to_act_on: Callable[[HttpRequest, int], FileUpload]

    def check_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Check the first rows again, with other choices."""
        upload = self._find_to_act_on(request, upload_id)
        _take_choices(request, upload)
        return redirect(_page_of(upload))

    def start_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Start the upload as its page showed it; what was changed is shown first."""
        upload = self._find_to_act_on(request, upload_id)
        if _take_choices(request, upload):
            return redirect(_page_of(upload))
        try:
            reviewing.start(
                upload_id=upload.pk,
                by=request.user,  # type: ignore[arg-type]  # no anonymous staff
                now=timezone.now(),
                again=request.POST.get("again") == "on",
            )
        except (reviewing.OpenQuestions, NotReadNow) as exc:
            messages.error(request, str(exc))
        return redirect(_page_of(upload))


def review_context(upload: FileUpload, *, may_act: bool) -> dict[str, Any]:
    """Return what the page of an upload shows that waits for its review."""
    try:
        reviewed = reviewing.look_at(upload)
    except FileNotFoundError:
        return {"review_error": _GONE}
    except (UnreadableFile, NotReadNow) as exc:
        return {"review_error": str(exc)}
    form = ReviewForm(upload=upload, reviewed=reviewed)
    for field in form.fields.values():
        field.disabled = not may_act
    layout = reviewed.layout
    is_answered = Choices.of(upload.choices).again
    before = None if is_answered else find_loaded_before(upload)
    return {
        "reviewed": reviewed,
        "review_form": form,
        "shown_token": sign_choices(form, upload, now=timezone.now()),
        "may_start": may_act,
        "review_columns": list(form.columns()),
        "rows_checked": reviewed.checked.good + reviewed.checked.bad,
        "rows_beyond": upload.total_rows - reviewed.checked.good - reviewed.checked.bad,
        "held_for": reviewed.found.held_for,
        "loaded_before": before,
        "loaded_before_question": question(before) if before else "",
        "header_line": layout.first_line - 1,
        "shown_headers": [
            (layout.headers[place], place in layout.columns().extra)
            for place in reviewed.checked.places
        ],
    }


def _take_choices(request: HttpRequest, upload: FileUpload) -> bool:
    """Keep what was chosen; True when the page must be looked at (again) first."""
    if upload.status != FileUpload.Status.REVIEW:
        messages.info(request, "This upload was started, or cancelled, already.")
        return True
    try:
        reviewed = reviewing.look_at(upload)
        merged = merge_choices(
            sent=request.POST,
            form=ReviewForm(upload=upload, reviewed=reviewed),
            upload=upload,
        )
        for conflict in merged.conflicts:
            messages.warning(request, conflict)
        if merged.conflicts:
            return True
        form = ReviewForm(merged.sent, upload=upload, reviewed=reviewed)
        if not form.is_valid():
            messages.error(request, "The file has changed meanwhile: choose again.")
            return True
        if not form.has_changed():
            if merged.differs_from_page:
                messages.warning(
                    request,
                    "Somebody chose something else while this page was open: look at "
                    "it first.",
                )
            return merged.differs_from_page
        reviewing.choose(
            upload_id=upload.pk, choices=form.choices(), now=timezone.now()
        )
    except UnreadableFile as unreadable:
        messages.error(request, f"That choice does not fit the file. {unreadable}")
    except NotReadNow as exc:
        messages.error(request, str(exc))
    except FileNotFoundError:
        messages.error(request, _GONE)
    else:
        messages.success(request, "Checked again with what you chose.")
    return True


def _page_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload.pk])
