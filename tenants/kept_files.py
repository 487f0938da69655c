"""Keep a file whole, or not at all."""

import contextlib

from django.core.files import File
from django.core.files.storage import Storage


def save_whole(storage: Storage, name: str, file: "File[bytes]") -> str:
    """Keep a file under a name that is free; return the name it really has.

    Nothing stays of what cannot be kept whole, on a full disk say.
    """
    try:
        return storage.save(name, file)
    except BaseException:
        # The first error says more; each storage raises classes of its own.
        with contextlib.suppress(Exception):
            storage.delete(name)
        raise
