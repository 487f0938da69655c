"""What of a folder other users of the machine could read."""

import stat
from pathlib import Path

OTHERS_READ_OR_WRITE = stat.S_IRWXG & ~stat.S_IXGRP | stat.S_IRWXO & ~stat.S_IXOTH


def open_to_others(directory: Path) -> dict[str, str]:
    """Return each file and folder that others may read, list or write; mode by name.

    PostgreSQL's files come and go while one looks.
    """
    found = {}
    for path in (directory, *directory.rglob("*")):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISLNK(mode) and mode & OTHERS_READ_OR_WRITE:
            found[str(path.relative_to(directory))] = oct(stat.S_IMODE(mode))
    return found
