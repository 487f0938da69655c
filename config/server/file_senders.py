"""Who may send a file: asked before its body is received.

A form's body is small. Only customer files are not, and only a login or a token may
send one: anybody else could fill the disk.
"""

from importlib import import_module
from io import BytesIO

from django.conf import settings
from django.contrib.auth import get_user
from django.urls import reverse
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from config.request_encoding import Utf8ASGIRequest
from config.server.responses import Scope
from tenants.api import BearerAuthentication

# The addresses that take files.
FILE_ADDRESSES = ("admin:uploads_fileupload_add", "api-uploads")


def takes_files(scope: Scope) -> bool:
    """Tell whether a file may be posted to this address."""
    return scope["method"] == "POST" and scope["path"] in _file_paths()


def find_sender(scope: Scope) -> str | None:
    """Return who sends, by their session or token; None for anybody else.

    Asks the database; raises django.db.Error. What they may do with the file is for
    the view to say.
    """
    try:
        request = Utf8ASGIRequest(scope, BytesIO())
    except UnicodeDecodeError:
        return None
    if scope["path"] == reverse("api-uploads"):
        try:
            known = BearerAuthentication().authenticate(Request(request))
        except APIException:
            return None
        return f"client {known[1].pk}" if known else None
    engine = import_module(settings.SESSION_ENGINE)
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    request.session = engine.SessionStore(key)
    user = get_user(request)
    return f"user {user.pk}" if user.is_active and user.is_staff else None


def _file_paths() -> set[str]:
    return {reverse(name) for name in FILE_ADDRESSES}
