"""Entries and issues as the lines that COPY reads. Pure."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import repeat

from uploads.rows import Entries, Issue

# What makes a random byte the seventh, or the ninth, of a UUID of version 4.
_VERSION = bytes(0x40 | byte & 0x0F for byte in range(256))
_VARIANT = bytes(0x80 | byte & 0x3F for byte in range(256))

_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def issue_lines(issues: Iterable[Issue], *, upload_id: int) -> bytes:
    """Return the lines of issues; what stood in a cell may have several lines."""
    return "".join(
        f"{upload_id}\t{issue.line}\t"
        + "\t".join([text.translate(_ESCAPED) for text in issue[1:]])
        + "\n"
        for issue in issues
    ).encode()


class LineWriter:
    """Writes entries as lines of COPY … FROM STDIN, in the text format.

    Ids are UUIDs of version 7 that follow each other, so a load appends to the index.
    The fingerprint is MD5 of phone|national id|timestamp|uuid4: unique, always. For the
    national id stands its digest.
    """

    def __init__(
        self, columns: Sequence[str], *, tenant_id: int, upload_id: int, now: datetime
    ) -> None:
        self.columns = (
            *("id", "tenant_id", "upload_id", "row_number"),
            *columns,
            "fingerprint",
        )
        self._owner = f"{tenant_id}\t{upload_id}"
        self._now = now.isoformat()
        # 48 bits of milliseconds, 42 random ones, and 32 that count: the second method
        # of RFC 9562, section 6.2.
        noise = os.urandom(6).hex()
        milliseconds = int(now.timestamp() * 1000)
        self._beginning = f"{milliseconds:012x}7{noise[:3]}b{noise[3:10]}"
        self._count = 0

    def lines(self, entries: Entries) -> bytes:
        """Return the lines of entries, whose columns are those of the writer."""
        count = len(entries)
        if not count:
            return b""
        cells = zip(
            self._ids(count),
            repeat(self._owner, count),
            map(str, entries.lines),
            *entries.columns.values(),
            self._fingerprints(entries),
            strict=True,
        )
        text = "\n".join(map("\t".join, cells))
        return text.replace("\\", "\\\\").encode() + b"\n"

    def _ids(self, count: int) -> list[str]:
        beginning, first = self._beginning, self._count
        self._count += count
        return [f"{beginning}{number:08x}" for number in range(first, self._count)]

    def _fingerprints(self, entries: Entries) -> list[str]:
        count = len(entries)
        noise = bytearray(os.urandom(16 * count))
        noise[6::16] = noise[6::16].translate(_VERSION)
        noise[8::16] = noise[8::16].translate(_VARIANT)
        uuids = noise.hex()
        md5, now = hashlib.md5, self._now
        return [
            md5(
                f"{phone}|{digest}|{now}|{uuids[at : at + 32]}".encode(),
                usedforsecurity=False,
            ).hexdigest()
            for at, phone, digest in zip(
                range(0, 32 * count, 32),
                entries.columns["primary_phone"],
                entries.columns.get("national_id_digest") or repeat("", count),
                strict=True,
            )
        ]
