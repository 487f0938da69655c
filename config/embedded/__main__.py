"""`python -m config.embedded`: delete the embedded servers with all their data."""

import sys

import environ

from config.embedded import EmbeddedError, remove
from config.embedded.home import CHECKOUT

environ.Env.read_env(CHECKOUT / ".env")  # EMBEDDED_DIR may stand there
try:
    remove()
except EmbeddedError as exc:
    sys.exit(str(exc))
