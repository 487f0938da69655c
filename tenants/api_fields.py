"""Fields of the API's answers that the framework has not."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from rest_framework import serializers

# Of other scripts (RFC 6531), which Django's validator does not know.
_INTERNATIONAL = re.compile(r"\A[^\s@]++@(?:[^\s@.]++\.)++[^\s@.]{2,}+")


class EmailOrNull(serializers.EmailField):
    """An e-mail address; null where none is known, and for what is none.

    Rows may be written by somebody's own SQL, and a program shall not have to check.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(  # type: ignore[override]  # the framework knows no null
        self, value: Any
    ) -> str | None:
        if not value.isascii() and _INTERNATIONAL.fullmatch(value):
            return str(value)
        try:
            validate_email(value)
        except ValidationError:
            return None
        return str(value)
