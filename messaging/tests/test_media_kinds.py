"""What a file really is, whatever its sender says."""

import pytest

from messaging.media.kinds import HEAD_BYTES, content_type_of
from messaging.tests.graph_service import PHOTO


@pytest.mark.parametrize(
    ("head", "stated", "content_type"),
    [
        (PHOTO, "image/png", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00", "", "image/png"),
        (b"GIF89a", "", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", "image/webp"),
        (b"OggS\x00\x02", "audio/ogg; codecs=opus", "audio/ogg"),
        (b"ID3\x03", "audio/mpeg", "audio/mpeg"),
        (b"#!AMR\n", "audio/amr", "audio/amr"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4", "video/mp4"),
        (b"\x00\x00\x00\x18ftypisom", "audio/mp4", "audio/mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "video/mp4", "audio/mp4"),
        (b"\x00\x00\x00\x18ftyp3gp4", "", "video/3gpp"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic", ""),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "image/webp", ""),
        (b"<html><script>", "image/jpeg", ""),
        (b"<svg onload='x'>", "image/svg+xml", ""),
        (b"%PDF-1.7", "image/png", ""),
        (b"MZ\x90", "application/pdf", ""),
        (b"", "image/jpeg", ""),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head, stated, content_type):
    assert content_type_of(head[:HEAD_BYTES], stated=stated) == content_type
