"""The WSGI entry point, for `runserver` and other servers than ours.

It has none of the limits of config/server: use it where a proxy sets them.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# After Django is set up.
from config.request_encoding import Utf8WSGIRequest  # noqa: E402

application.request_class = Utf8WSGIRequest
