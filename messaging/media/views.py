"""Kept files, for staff of their tenant."""

from django.contrib.admin.views.decorators import staff_member_required
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from messaging.media.models import MessageMedia
from tenants.access import visible

# A file that somebody opens by itself can load nothing and run nothing.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; "
    "style-src 'unsafe-inline'; sandbox"
)


@require_safe
@staff_member_required
def kept_file(request: HttpRequest, media_id: int) -> FileResponse:
    """Send a kept file: to be shown when it is a picture, a recording or a film.

    Everything else is a download. What the sender said of its type is not repeated.
    """
    if not request.user.has_perm("messaging.view_chatmessage"):
        raise Http404
    kept = MessageMedia.objects.filter(status=MessageMedia.Status.STORED)
    media = get_object_or_404(visible(kept, user=request.user), pk=media_id)
    try:
        file = media.file.open("rb")
    except FileNotFoundError as exc:
        raise Http404 from exc
    return FileResponse(
        file,
        as_attachment=not media.content_type,
        filename=media.download_name,
        # Left to itself, Django guesses it from the sender's file name.
        content_type=media.content_type or "application/octet-stream",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
            "Cache-Control": "private, max-age=3600",
            # Compressed already; our middleware would do it again, without a length.
            "Content-Encoding": "identity",
        },
    )
