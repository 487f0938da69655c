"""Sessions in the database, looked for only by keys that can be one."""

from typing import Any

from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore


class SessionStore(DatabaseSessionStore):
    """Takes any other cookie for that of no session; PostgreSQL fails on a NUL."""

    def _validate_session_key(self, key: Any) -> bool:
        if not super()._validate_session_key(key):  # type: ignore[misc] # no stub
            return False
        return len(key) <= 40 and set(key) <= set(VALID_KEY_CHARS)
