"""The house itself; importing it makes Celery's `shared_task` use our application."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
