"""Kept files, for staff of their tenant."""

import re
from collections.abc import Iterator
from typing import IO, Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from messaging.media.models import MessageMedia
from tenants.access import visible

# A file that somebody opens by itself can load nothing and run nothing.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; "
    "style-src 'unsafe-inline'; sandbox"
)


# One piece of a file, by the places of its first and last byte; either may be left out.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_BLOCK_BYTES = 64 * 1024


@require_safe
@staff_member_required
def kept_file(request: HttpRequest, media_id: int) -> HttpResponseBase:
    """Send a kept file: to be shown when it is a picture, a recording or a film.

    Everything else is a download. What the sender said of its type is not repeated.
    Films are asked for piece by piece (RFC 9110, 14.2); Safari shows none otherwise.
    """
    if not request.user.has_perm("messaging.view_chatmessage"):
        raise Http404
    kept = MessageMedia.objects.filter(status=MessageMedia.Status.STORED)
    media = get_object_or_404(visible(kept, user=request.user), pk=media_id)
    try:
        file = media.file.open("rb")
    except FileNotFoundError as exc:
        raise Http404 from exc
    headers = _headers(media)
    asked = request.headers.get("Range", "")
    # Asked for on condition that the file is still the same; ours never change.
    if request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        asked = ""
    piece = _piece_asked(asked, file.size)
    if piece is None:
        piece, status = range(file.size), 200
    elif piece:
        status = 206
        headers["Content-Range"] = f"bytes {piece.start}-{piece.stop - 1}/{file.size}"
    else:
        file.close()
        nothing = {"Content-Range": f"bytes */{file.size}"}
        return HttpResponse(status=416, headers=nothing)
    headers["Content-Length"] = str(len(piece))
    return StreamingHttpResponse(_Piece(file, piece), status=status, headers=headers)


class _Piece:
    """The bytes of a file from one place to another, block by block."""

    def __init__(self, file: IO[Any], piece: range) -> None:
        self._file = file
        self._piece = piece
        self.close = file.close  # which the response calls, read or not

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._piece.start)
        left = len(self._piece)
        while left and (block := self._file.read(min(left, _BLOCK_BYTES))):
            left -= len(block)
            yield block


def _headers(media: MessageMedia) -> dict[str, str]:
    disposition = content_disposition_header(
        not media.content_type, media.download_name
    )
    return {
        "Content-Disposition": disposition or "inline",
        # Left to itself, Django guesses it from the sender's file name.
        "Content-Type": media.content_type or "application/octet-stream",
        "Accept-Ranges": "bytes",
        "ETag": f'"{media.sha256}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
        # A copy in the browser would be there after the logout, for whoever comes next.
        "Cache-Control": "private, no-store",
        # Compressed already; our middleware would do it again, without a length.
        "Content-Encoding": "identity",
    }


def _piece_asked(header: str, size: int) -> range | None:
    """Return the places of the bytes asked for; None when it is the whole file.

    A header that says nothing sensible counts as none; an empty range lies outside.
    """
    asked = _RANGE.fullmatch(header)
    first, last = asked.groups() if asked else ("", "")
    if first and last and int(last) < int(first):
        return None
    if first:
        return range(int(first), min(int(last) + 1, size) if last else size)
    return range(max(size - int(last), 0), size) if last else None
