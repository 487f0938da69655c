"""Bodies of the API's requests, as far as the framework's parsers leave them open."""

from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError as exc:  # Python's decoder calls itself for each bracket
            raise ParseError("JSON parse error - nested too deeply") from exc
