"""Entries as the lines that COPY reads. Pure."""

import hashlib
import os
from datetime import datetime
from itertools import repeat

from uploads.rows import COLUMNS, Entries


class LineWriter:
    """Writes entries as lines of COPY … FROM STDIN, in the text format.

    Ids are UUIDs of version 7 that follow each other, so a load appends to the index.
    The fingerprint is MD5 of phone|national id|timestamp|uuid4: unique, always. For the
    national id stands its digest.
    """

    columns = ("id", "tenant_id", "upload_id", "row_number", *COLUMNS, "fingerprint")

    def __init__(self, *, tenant_id: int, upload_id: int, now: datetime) -> None:
        self._owner = f"{tenant_id}\t{upload_id}"
        self._now = now.isoformat()
        # 48 bits of milliseconds, then 12 that count on: RFC 9562, section 6.2.
        self._ticks = int(now.timestamp() * 1000) << 12

    def lines(self, entries: Entries) -> bytes:
        """Return the lines of entries."""
        count = len(entries)
        if not count:
            return b""
        noise = os.urandom(23 * count).hex()
        cells = zip(
            self._ids(noise, count),
            repeat(self._owner, count),
            map(str, entries.lines),
            *entries.columns.values(),
            self._fingerprints(noise, entries),
            strict=True,
        )
        text = "\n".join(map("\t".join, cells))
        return text.replace("\\", "\\\\").encode() + b"\n"

    def _ids(self, noise: str, count: int) -> list[str]:
        """Return ids that end with the last 15 digits of every 46."""
        first, self._ticks = self._ticks, self._ticks + count
        return [
            f"{tick >> 12:012x}7{tick & 4095:03x}b{noise[at : at + 15]}"
            for tick, at in zip(
                range(first, first + count), range(31, 46 * count, 46), strict=True
            )
        ]

    def _fingerprints(self, noise: str, entries: Entries) -> list[str]:
        """Return fingerprints whose uuid4s are the first 30 digits of every 46."""
        md5, now = hashlib.md5, self._now
        return [
            md5(
                f"{phone}|{digest}|{now}|{noise[at : at + 12]}4"
                f"{noise[at + 12 : at + 15]}a{noise[at + 15 : at + 30]}".encode(),
                usedforsecurity=False,
            ).hexdigest()
            for at, phone, digest in zip(
                range(0, 46 * len(entries), 46),
                entries.columns["primary_phone"],
                entries.columns["national_id_digest"],
                strict=True,
            )
        ]
