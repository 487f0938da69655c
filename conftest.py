"""What every test stands on."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def fast_password_hash(settings: Any) -> None:
    # The real one takes half a second for each member of staff, on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
