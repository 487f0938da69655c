"""What a file says differently from another one: the page, and the download."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from customers.comparing import compare_uploads, read_pairs
from customers.models import ComparedGroup, Comparison
from uploads.act_admin import ActPages, staff_of
from uploads.acts import record_act
from uploads.comparison_file import lines_of
from uploads.models import FileUpload, UploadAct

PAGE = 50
_OFFERED = 50
_LONGEST_ID = 18

Status = FileUpload.Status
Outcome = ComparedGroup.Outcome


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
        upload, other = self._find_both(request, upload_id, request.GET.get("with"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"What changed: {upload.original_name}",
            "upload": upload,
            "other": other,
            "offered": _offered(upload, other),
        }
        if other is not None:
            context |= _compared(request, *_in_order(upload, other))
        return render(request, "uploads/compare.html", context)

    def download_view(self, request: HttpRequest, upload_id: int) -> HttpResponseBase:
        """Send the comparison as CSV, and keep who took it and when."""
        upload, other = self._find_both(request, upload_id, request.GET.get("with"))
        if other is None:
            raise Http404
        earlier, later = _in_order(upload, other)
        comparison = _comparison(earlier, later)
        record_act(
            later.pk,
            UploadAct.Act.COMPARED,
            by=staff_of(request),
            at=timezone.now(),
            row_count=sum(_counts(comparison)),
        )
        return StreamingHttpResponse(
            lines_of(comparison),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": "attachment; "
                f'filename="changes-{earlier.pk}-{later.pk}.csv"'
            },
        )

    def _find_both(
        self, request: HttpRequest, upload_id: int, other_id: str | None
    ) -> tuple[FileUpload, FileUpload | None]:
        """Return an upload of the visitor's tenants and what to compare it with.

        Unless chosen, that is the tenant's last completed upload before it, if any.
        """
        upload = self.find(request, upload_id)
        if not request.user.has_perm("customers.view_customer"):
            raise PermissionDenied
        others = _others(upload)
        if not other_id:
            before = others.filter(pk__lt=upload.pk, status=Status.COMPLETED)
            return upload, before.first()
        if not (other_id.isdecimal() and len(other_id) <= _LONGEST_ID):
            raise Http404
        other = others.filter(pk=int(other_id)).first()
        if other is None:
            raise Http404
        return upload, other


def _others(upload: FileUpload) -> "QuerySet[FileUpload]":
    """Return the tenant's other uploads, newest first."""
    uploads = FileUpload.objects.filter(tenant=upload.tenant_id)
    return uploads.exclude(pk=upload.pk).defer("layout", "notices")


def _offered(upload: FileUpload, other: FileUpload | None) -> list[FileUpload]:
    """Return what may be chosen: the newest with entries, and what is chosen."""
    with_entries = _others(upload).filter(succeeded_rows__gt=0)
    offered = list(with_entries.exclude(status=Status.UNDONE)[:_OFFERED])
    if other is not None and other not in offered:
        offered.append(other)
    return offered


def _in_order(one: FileUpload, other: FileUpload) -> tuple[FileUpload, FileUpload]:
    return (one, other) if one.pk < other.pk else (other, one)


def _comparison(earlier: FileUpload, later: FileUpload) -> Comparison:
    return compare_uploads(
        tenant=later.tenant,
        earlier_id=earlier.pk,
        later_id=later.pk,
        now=timezone.now(),
    )


def _counts(comparison: Comparison) -> list[int]:
    return list(comparison.groups.values_list("loan_count", flat=True))


def _compared(
    request: HttpRequest, earlier: FileUpload, later: FileUpload
) -> dict[str, Any]:
    """Return what the page shows of two uploads, unless one is not to be compared."""
    context: dict[str, Any] = {"earlier": earlier, "both": (earlier, later)}
    missing = [one for one in (earlier, later) if not one.is_over]
    undone = [one for one in (earlier, later) if one.status == Status.UNDONE]
    if missing or undone:
        return context | {"unfinished": missing, "undone": undone}
    comparison = _comparison(earlier, later)
    groups = {
        group.outcome: group
        for group in comparison.groups.select_related("comparison").defer(
            "earlier_lines", "later_lines"
        )
    }
    first = next((outcome for outcome in Outcome if outcome in groups), "")
    chosen = request.GET.get("outcome") or first
    group = groups.get(chosen)
    start = _start(request.GET.get("from", ""))
    return context | {
        "comparison": comparison,
        "cut_short": [
            one for one in (earlier, later) if one.status != Status.COMPLETED
        ],
        "rows": [(outcome, groups.get(outcome)) for outcome in Outcome],
        "totals": _totals(groups),
        "repeated": _repeated(comparison, groups),
        "chosen": group,
        "pairs": list(read_pairs(group=group, start=start, most=PAGE)) if group else [],
        "start": start,
        "before": max(start - PAGE, 0) if start else None,
        "behind": start + PAGE if group and start + PAGE < group.loan_count else None,
    }


def _totals(groups: dict[str, ComparedGroup]) -> dict[str, Any]:
    return {
        name: sum(getattr(group, name) for group in groups.values())
        for name in (
            "loan_count",
            "outstanding_before",
            "outstanding_after",
            "outstanding_change",
        )
    }


def _repeated(comparison: Comparison, groups: dict[str, ComparedGroup]) -> int:
    """Return how many lines gave way to a later one of the same loan and file."""
    only_once = {Outcome.NEW, Outcome.GONE}
    counted = sum(
        group.loan_count * (1 if outcome in only_once else 2)
        for outcome, group in groups.items()
    )
    return comparison.earlier_entries + comparison.later_entries - counted


def _start(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
