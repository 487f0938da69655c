"""The ASGI entry point: `granian --interface asginl config.asgi:application`.

Posts to the webhook are taken on the event loop, everything else is Django in threads.
"""

import os
import resource
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# After Django is set up. Only servers come by here; commands, workers and tests do not.
from config.server.application import Application  # noqa: E402
from messaging.webhook.group_commit import enable_group_commit  # noqa: E402

# The event loop shares the interpreter's lock with the threads of pages: a busy one has
# to hand it over five times as soon as by default.
sys.setswitchinterval(0.001)
# A connection is a file, and many systems give a program 1,024 unless it asks.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

enable_group_commit()
application = Application()
