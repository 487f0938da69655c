"""The Celery application: `celery -A config worker` and `celery -A config beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "sweep-webhooks": {"task": "messaging.tasks.sweep", "schedule": 15.0},
    "sweep-media": {"task": "messaging.tasks.sweep_media", "schedule": 20.0},
    "purge-events": {"task": "messaging.tasks.purge_old_events", "schedule": 3600.0},
    "purge-media": {"task": "messaging.tasks.purge_old_media", "schedule": 3600.0},
    "purge-uploads": {"task": "uploads.tasks.purge_old_files", "schedule": 3600.0},
    "purge-logins": {"task": "config.tasks.purge_old_logins", "schedule": 3600.0},
    "sweep-uploads": {"task": "uploads.tasks.sweep", "schedule": 20.0},
    "mark-worker": {"task": "config.tasks.mark_worker", "schedule": 20.0},
}
