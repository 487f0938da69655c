"""The refused rows on their way out, and on record who had them."""

from datetime import datetime

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from uploads.acts import Doer, record_act
from uploads.models import FileUpload, UploadAct
from uploads.rejected_files import rejected_file

NONE_REFUSED = "No row of this upload was refused."


def send_rejected(
    upload: FileUpload,
    *,
    by: Doer,
    now: datetime,
    is_look: bool,
    as_csv: bool = False,
) -> StreamingHttpResponse:
    """Send the refused rows; raises `RowsGone` and `NotReadNow`.

    A look (HEAD) takes nothing along, and leaves no act.
    """
    file = rejected_file(upload, as_csv=as_csv, is_look=is_look)
    if not is_look:
        record_act(
            upload.pk,
            UploadAct.Act.EXPORTED,
            by=by,
            at=now,
            row_count=upload.failed_rows,
        )
    return StreamingHttpResponse(
        file.chunks,
        content_type=file.content_type,
        headers={
            "Content-Disposition": content_disposition_header(True, file.name),
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
