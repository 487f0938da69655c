"""`python -m config.embedded`: delete the embedded servers with all their data."""

import sys

from config.embedded import EmbeddedError, remove

try:
    remove()
except EmbeddedError as exc:
    sys.exit(str(exc))
