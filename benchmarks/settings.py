"""The product's settings, and beside its webhook the ways it is measured against."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE as PRODUCTS_MIDDLEWARE

MIDDLEWARE = [
    name.replace("messaging.shortcut.webhook_shortcut", "benchmarks.rivals.shortcut")
    for name in PRODUCTS_MIDDLEWARE
]
