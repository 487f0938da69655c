"""What the API answers when it cannot do what was asked: always `{"detail": …}`."""

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from tenants.failures import describe_failure, locate_failure

logger = logging.getLogger(__name__)

NOTHING = "Nothing is there. Look at the id, and end the address with a slash."


class TooLarge(exceptions.APIException):
    status_code = 413
    default_detail = "The request is too large; only a file may be."


class Unavailable(exceptions.APIException):
    status_code = 503
    default_detail = "The database does not answer. Try again in some seconds."


class OurFault(exceptions.APIException):
    status_code = 500
    default_detail = "Something went wrong here. It is in the log of this server."


class Conflict(exceptions.APIException):
    """What was asked for cannot be done as things stand."""

    status_code = 409


class StorageFull(exceptions.APIException):
    """The disk of this server is full."""

    status_code = 503


def answer_error(exc: Exception, context: dict[str, Any]) -> Response:
    """Return the answer to a request that ended with `exc`; nothing of ours shows."""
    told = _told(exc)
    response = exception_handler(told, context)
    if response is None:  # not an error of the request's
        logger.error(
            "The API failed: %s\n%s", describe_failure(exc), locate_failure(exc)
        )
        response = Response(status=500)
        told = OurFault()
    elif isinstance(told, Unavailable):
        logger.error("The API did not reach the database: %s", type(exc).__name__)
        response["Retry-After"] = "10"
    response.data = {"detail": _detail_of(getattr(told, "detail", told))}
    return response


def _told(exc: Exception) -> Exception:
    """Return the error as its reader is to understand it."""
    match exc:
        case Http404() | exceptions.NotFound():
            # One text for all: what is another's is not there either.
            return exceptions.NotFound(NOTHING)
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation() | UnreadablePostError():
            return exceptions.ParseError("The request cannot be read, or broke off.")
        case OperationalError() | InterfaceError():
            return Unavailable()
    return exc


def _detail_of(errors: Any) -> str:
    """Return what was wrong with a request as one text: field by field, in words."""
    if isinstance(errors, dict):
        return " ".join(
            text if name in ("detail", "non_field_errors") else f"{name}: {text}"
            for name, text in ((name, _detail_of(one)) for name, one in errors.items())
        )
    if isinstance(errors, list):
        return " ".join(map(_detail_of, errors))
    return str(errors)
