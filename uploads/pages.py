"""What an upload's page shows, as texts: the script only puts them in their places."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.formats import date_format

from tenants.models import Tenant
from uploads.acts import open_acts
from uploads.code_columns import phones_by_code
from uploads.columns import MEANINGS
from uploads.layout import Layout
from uploads.models import FileUpload
from uploads.progress import progress_of
from uploads.waiting import FilesQueue


def live(upload: FileUpload, *, now: datetime) -> dict[str, Any]:
    """Return what moves while the workers work."""
    progress = progress_of(upload, now=now)
    zone = ZoneInfo(upload.tenant.timezone)
    waiting = FilesQueue(now=now).find_waiting(upload)
    rows = speed = ""
    if progress.total:
        rows = f"{intcomma(progress.done)} of {intcomma(progress.total)} rows"
    if progress.rows_per_second:
        speed = f"{intcomma(progress.rows_per_second)} rows/s"
    return {
        "status": upload.status,
        "label": upload.get_status_display(),
        "sentence": waiting.sentence(zone=zone, now=now)
        if waiting
        else upload.tell(intcomma),
        "over": upload.is_over,
        # When others are open, the page is loaded again for their buttons.
        "acts": " ".join(open_acts(upload)),
        "percent": progress.percent,
        "rows": rows,
        "succeeded": intcomma(upload.succeeded_rows),
        "failed": intcomma(upload.failed_rows),
        "speed": speed,
        "left": _time_left(progress.seconds_left),
    }


def local_time(at: datetime, tenant: Tenant) -> str:
    """Return a moment as the tenant's clock shows it; its pages do the same."""
    return date_format(
        timezone.localtime(at, ZoneInfo(tenant.timezone)), "DATETIME_FORMAT"
    )


def understood_columns(upload: FileUpload) -> list[tuple[str, str]]:
    """Return each header of the file with what it was taken for."""
    if not upload.layout:
        return []
    layout = Layout.of(upload.layout)
    columns = layout.columns()
    taken = {place: _meaning(name, layout) for name, place in columns.fields.items()}
    for place, phones in phones_by_code(layout.headers, layout.meanings).items():
        taken[place] = f"country code of {phones}"
    return [
        (header, taken.get(place, "kept as it is"))
        for place, header in enumerate(layout.headers)
        if header and place not in columns.helpers
    ]


def _meaning(name: str, layout: Layout) -> str:
    if unit := layout.units.get(name):
        return f"{MEANINGS[name]}, in {unit}"
    order = layout.date_orders.get(name)
    return f"{MEANINGS[name]}, {order}" if order else MEANINGS[name]


def _time_left(seconds: int | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(seconds, 1)} s left"
    return f"about {round(seconds / 60)} min left"
