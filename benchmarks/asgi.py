"""The product's application, and beside its webhook the ways it is measured against."""

from typing import cast

from config.asgi import application as application
from config.server.webhook import View

from benchmarks.rivals import WAYS  # isort: skip  after Django is set up

application.webhook.views.update(
    {path: cast(View, view) for path, view in WAYS.items()}
)
