"""The doorbell: tell the workers that something came in.

Ringing costs the caller nothing: a thread of each web process sends one task for all
that came in since the last, so that neither a burst nor a dead broker is felt by
WhatsApp. Nobody hears a lost ring? The sweep comes by.
"""

import logging
import threading

from kombu.exceptions import OperationalError

from messaging.tasks import drain

logger = logging.getLogger(__name__)

# Rings within this time are one: long enough to gather a burst, far below what anybody
# waiting for their message would notice.
_GATHER_SECONDS = 0.05
# While the broker is away, the sweep does the work; asking more often only fills logs.
_REST_SECONDS = 5.0


class Bell:
    """Rings for one process; its thread starts with the first ring."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Have a drain task queued soon; returns at once and never fails."""
        self._rung.set()
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="doorbell", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()  # never set: a wait that a test or a stop can see
        while True:
            self._rung.wait()
            pause.wait(_GATHER_SECONDS)
            self._rung.clear()
            if not queue_drain():
                pause.wait(_REST_SECONDS)


def queue_drain() -> bool:
    """Queue one drain task; False when the broker cannot be reached."""
    try:
        drain.delay()
    except OperationalError as exc:
        logger.warning("The doorbell is dead, the sweep will do: %s", exc)
        return False
    return True


bell = Bell()
