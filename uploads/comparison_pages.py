"""What a file says differently from another one: the page, and the download."""

import contextlib
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from customers.comparing import (
    ComparisonGone,
    compare_uploads,
    is_kept,
    read_pairs,
)
from customers.current_loans import today_of
from customers.dues import as_of_text
from customers.lenders import find_file_before
from customers.models import ComparedGroup, Comparison
from uploads.act_admin import ActPages, staff_of
from uploads.acts import record_act
from uploads.comparable_files import (
    count_unnamed_refusals,
    day_of,
    file_id_of,
    has_nothing_in_common,
    in_order,
    offered_files,
    other_files,
)
from uploads.comparison_file import lines_of
from uploads.file_processes import NoSpace, spending_space
from uploads.models import FileUpload, UploadAct

_CHANGED = (
    "One of the two files changed while they were compared: this is how they stand now."
)
PAGE = 50
_OFFERED = 50
_LONGEST_ID = 18

Status = FileUpload.Status
Outcome = ComparedGroup.Outcome
SUMMED = (
    Outcome.WORSE,
    Outcome.BETTER,
    Outcome.UNCHANGED,
    Outcome.NEW,
    Outcome.GONE,
)
# Of these the figures that are listed are the earlier file's.
FROM_EARLIER = (Outcome.GONE, Outcome.UNREADABLE)
# Shown beside the sums, in none of them.
BESIDE = tuple(outcome for outcome in Outcome if outcome not in SUMMED)


class ComparisonPages(ActPages):
    """Adds to an upload the comparison with another one of its tenant."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.named("compare", self.compare_view),
            self.named("compared", require_POST(self.download_view)),
            *super().get_urls(),
        ]

    def compare_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Show the totals, and one group's loans a page at a time."""
        file, other = self._find_both(request, upload_id, request.GET.get("with"))
        if file.pk != upload_id:  # a corrected file is part of the file it corrects
            address = reverse("admin:uploads_fileupload_compare", args=[file.pk])
            return redirect(f"{address}?{request.GET.urlencode()}")
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"What changed: {file.original_name}",
            "upload": file,
            "other": other,
            "offered": offered_files(file, other, limit=_OFFERED),
            "may_send": self.has_add_permission(request),
            "may_see_issues": request.user.has_perm("uploads.view_rowissue"),
        }
        if other is not None:
            try:
                context |= _compared(request, *in_order(file, other), now=now)
            except ComparisonGone:
                messages.warning(request, _CHANGED)
                return redirect(request.get_full_path())
        return render(request, "uploads/compare.html", context)

    def download_view(self, request: HttpRequest, upload_id: int) -> HttpResponseBase:
        """Send the comparison as CSV, and keep who took it and when."""
        file, other = self._find_both(request, upload_id, request.GET.get("with"))
        if other is None:
            raise Http404
        earlier, later = in_order(file, other)
        address = reverse("admin:uploads_fileupload_compare", args=[file.pk])
        page = redirect(f"{address}?with={other.pk}")
        if any(_why_not(earlier, later).values()):
            return page  # which says it
        try:
            counts, written = _write(_comparison(earlier, later))
        except ComparisonGone:
            messages.warning(request, _CHANGED)
            return page
        except NoSpace as exc:
            messages.error(request, str(exc))
            return page
        if has_nothing_in_common(counts):
            written.close()
            messages.warning(request, "These two files have no loan in common.")
            return page
        record_act(
            later.pk,
            UploadAct.Act.COMPARED,
            by=staff_of(request),
            at=timezone.now(),
            row_count=sum(
                count for name, count in counts.items() if name != Outcome.OTHER_PHONE
            ),
        )
        return FileResponse(
            written,
            as_attachment=True,
            filename=f"changes-{earlier.pk}-{later.pk}.csv",
            content_type="text/csv; charset=utf-8",
        )

    def _find_both(
        self, request: HttpRequest, upload_id: int, other_id: str | None
    ) -> tuple[FileUpload, FileUpload | None]:
        """Return a file of the visitor's tenants and what to compare it with.

        Unless chosen, that is its lender's last file before it, if any. Of a corrected
        file either is the file that it corrects.
        """
        upload = self.find(request, upload_id)
        if not request.user.has_perm("customers.view_customer"):
            raise PermissionDenied
        file_id = file_id_of(upload.pk)
        file = upload if file_id == upload.pk else self.find(request, file_id)
        others = other_files(file)
        if not other_id:
            before = find_file_before(file.pk)
            return file, others.filter(pk=before).first() if before else None
        if not (other_id.isdecimal() and len(other_id) <= _LONGEST_ID):
            raise Http404
        other = others.filter(pk=file_id_of(int(other_id))).first()
        if other is None:
            raise Http404
        return file, other


def _comparison(earlier: FileUpload, later: FileUpload) -> Comparison:
    return compare_uploads(
        tenant=later.tenant,
        earlier_id=earlier.pk,
        later_id=later.pk,
        now=timezone.now(),
    )


def _counts(comparison: Comparison) -> dict[str, int]:
    return dict(comparison.groups.values_list("outcome", "loan_count"))


def _compared(
    request: HttpRequest, earlier: FileUpload, later: FileUpload, *, now: datetime
) -> dict[str, Any]:
    """Return what the page shows of two files, unless one is not to be compared."""
    today = today_of(later.tenant, now=now)
    both = (earlier, later)
    context: dict[str, Any] = {
        "earlier": earlier,
        "both": [(one, as_of_text(day_of(one), today=today)) for one in both],
    }
    why_not = _why_not(earlier, later)
    if any(why_not.values()):
        return context | why_not
    comparison = _comparison(earlier, later)
    groups = {
        group.outcome: group
        for group in comparison.groups.select_related("comparison").defer(
            "earlier_ids", "later_ids"
        )
    }
    if has_nothing_in_common({name: one.loan_count for name, one in groups.items()}):
        return context | {"nothing_in_common": True}
    first = next((outcome for outcome in Outcome if outcome in groups), "")
    chosen = request.GET.get("outcome") or first
    group = groups.get(chosen)
    start = _start(request.GET.get("from", ""))
    shown = context | {
        "comparison": comparison,
        "cut_short": [one for one in both if one.status != Status.COMPLETED],
        "rows": [(outcome, groups.get(outcome)) for outcome in SUMMED],
        "beside": [(one, groups[one]) for one in BESIDE if one in groups],
        "totals": _totals(groups),
        "repeated": _repeated(comparison, groups),
        "unnamed": [
            (one, count) for one in both if (count := count_unnamed_refusals(one))
        ],
        "chosen": group,
        "figures_as_of": context["both"][0 if chosen in FROM_EARLIER else 1][1],
        "pairs": list(read_pairs(group=group, start=start, most=PAGE)) if group else [],
        "start": start,
        "before": max(start - PAGE, 0) if start else None,
        "behind": start + PAGE if group and start + PAGE < group.loan_count else None,
    }
    if not is_kept(comparison):  # what was read of it may be of two states
        raise ComparisonGone
    return shown


def _why_not(earlier: FileUpload, later: FileUpload) -> dict[str, list[FileUpload]]:
    """Return which of two files are not to be compared, by why."""
    both = (earlier, later)
    return {
        "unfinished": [one for one in both if not one.is_over],
        "undone": [one for one in both if one.status == Status.UNDONE],
    }


def _write(comparison: Comparison) -> tuple[dict[str, int], IO[bytes]]:
    """Return the counts by outcome, and the comparison as CSV in a temporary file.

    Whole before its first byte is sent: it is of one state, or `ComparisonGone` is
    raised. Nobody is kept from an undo by whoever takes long to receive it.
    """
    with spending_space(), contextlib.ExitStack() as closing:
        file = closing.enter_context(TemporaryFile())
        counts = _counts(comparison)
        for line in lines_of(comparison):
            file.write(line.encode())
        file.seek(0)
        if not is_kept(comparison):
            raise ComparisonGone
        closing.pop_all()
    return counts, file


def _totals(groups: dict[str, ComparedGroup]) -> dict[str, Any]:
    return {
        name: sum(getattr(groups[one], name) for one in SUMMED if one in groups)
        for name in (
            "loan_count",
            "outstanding_before",
            "outstanding_after",
            "outstanding_change",
        )
    }


def _repeated(comparison: Comparison, groups: dict[str, ComparedGroup]) -> int:
    """Return how many lines gave way to a later one of the same loan and file."""
    in_both = {Outcome.WORSE, Outcome.BETTER, Outcome.UNCHANGED}
    counted = sum(
        group.loan_count * (2 if outcome in in_both else 1)
        for outcome, group in groups.items()
        if outcome != Outcome.OTHER_PHONE
    )
    return comparison.earlier_entries + comparison.later_entries - counted


def _start(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
