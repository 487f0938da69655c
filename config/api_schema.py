"""What the API's own description says of it (OpenAPI)."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.api.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def of_the_api(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Leave out the views of the framework that are no part of the API."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/")]
