"""The doorbell: tell the workers that an upload waits.

The table is the queue; nobody hears a lost ring but the sweep, which comes by.
"""

import logging

from kombu.exceptions import OperationalError

from uploads.tasks import process_upload

logger = logging.getLogger(__name__)


def ring(upload_id: int) -> None:
    """Queue the upload's task; never fails."""
    try:
        process_upload.delay(upload_id)
    except OperationalError as exc:
        logger.warning("The doorbell is dead, the sweep will do: %s", exc)
