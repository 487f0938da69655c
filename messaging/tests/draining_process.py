"""What such a process does. Importing it makes Django ready, once for all of them."""

from multiprocessing.synchronize import Event, Semaphore

import django

django.setup()

from django.db import connection  # noqa: E402  after the setup
from django.utils import timezone  # noqa: E402

from messaging.services import process_events  # noqa: E402


def drain_until(database: str, ready: Semaphore, stop: Event) -> None:
    """Drain, also what comes meanwhile, until told to stop and nothing is due."""
    connection.settings_dict["NAME"] = database
    connection.ensure_connection()
    ready.release()
    while process_events(limit=7, now=timezone.now()).events or not stop.wait(0.05):
        pass
    connection.close_pool()
