"""Where fetched files lie: privately, under names that nobody sent."""

from functools import partial
from typing import BinaryIO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from messaging.media.models import MessageMedia
from tenants.kept_files import save_whole


def keep(file: BinaryIO, *, name: str) -> str:
    """Keep a file under the name its row was given; return the name it really has."""
    default_storage.delete(name)  # of an attempt that did not end well
    file.seek(0)
    return save_whole(default_storage, name, File(file))


def discard(media: QuerySet[MessageMedia]) -> int:
    """Delete files and their rows, and return how many rows.

    The files go once the rows are gone for good: a rollback keeps both.
    """
    with transaction.atomic():
        rows = list(media.select_for_update().order_by("pk").values_list("pk", "file"))
        MessageMedia.objects.filter(pk__in=[pk for pk, _ in rows]).delete()
        for _, name in rows:
            if name:
                transaction.on_commit(partial(default_storage.delete, name))
    return len(rows)
