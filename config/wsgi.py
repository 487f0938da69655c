"""The WSGI entry point, for a server such as granian."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# After Django is set up. Only servers come by here; commands, workers and tests do not.
from messaging.webhook.group_commit import open_intake  # noqa: E402

open_intake()
