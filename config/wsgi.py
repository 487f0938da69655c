"""The WSGI entry point, for `runserver` and other servers than ours.

It has none of the limits of config/server: use it where a proxy sets them.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
