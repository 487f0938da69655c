"""Have another process watch this one, which works at files without a worker above it.

It is small until the work has lasted a moment; then it is `uploads.watchdog` for this
one process, and says on standard error why it killed it. It ends with the block.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from django.conf import settings

from uploads.watchdog import watch

# Waits without Django: most work is over sooner than Django would be there.
_START = """
import select, sys
if not select.select([sys.stdin], [], [], 3)[0]:
    import os
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    django.setup()
    from uploads.guard import guard
    guard(int(sys.argv[1]))
"""


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Have this process killed if it works too long at a file."""
    watchdog = subprocess.Popen(  # noqa: S603  our own program, no input of anybody's
        [sys.executable, "-c", _START, str(os.getpid())],
        stdin=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        start_new_session=True,  # Ctrl-C is for the work
    )
    try:
        yield
    finally:
        # It may be starting Django, or waiting for the database.
        watchdog.kill()
        watchdog.communicate()


def guard(pid: int) -> None:
    """Watch a process until it closes our standard input, or is no more."""
    over = threading.Event()

    def wait_for_its_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_its_end, daemon=True).start()
    watch(lambda one: one == pid == os.getppid(), over, tell=tell)


def tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
