"""What a file really is, told from its first bytes.

Who sent it may call it anything; only these types are ever opened by a browser on our
pages, and none of them can carry a script.
"""

HEAD_BYTES = 32

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"#!AMR", "audio/amr"),
)
# The brands of `ftyp` boxes. HEIC and AVIF pictures have others, and stay downloads.
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B "})
_VIDEO_BRANDS = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "}
)


def content_type_of(head: bytes, *, stated: str = "") -> str:
    """Return the type of a file that begins so, or "" when it is only for download.

    `stated` is believed in one thing: whether an MP4 file without a brand of its own
    is a film or a recording.
    """
    for signature, content_type in _SIGNATURES:
        if head.startswith(signature):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12], stated)
    return ""


def _of_brand(brand: bytes, stated: str) -> str:
    if brand in _AUDIO_BRANDS:
        return "audio/mp4"
    if brand.startswith(b"3gp"):
        return "video/3gpp"
    if brand in _VIDEO_BRANDS:
        return "audio/mp4" if stated.startswith("audio/") else "video/mp4"
    return ""
