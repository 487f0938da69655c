from celery.signals import beat_init
from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Dues Desk"

    def ready(self) -> None:
        from config import (
            file_search,
            merge_panel,
            outage,
            panels,
            worker_marks,
            workers,
        )
        from config.celery import app
        from config.staff_role import make_role
        from uploads.waiting import register_worker_lookup

        panels.register()
        merge_panel.register()
        file_search.register()
        register_worker_lookup(workers.file_workers)
        beat_init.connect(outage.watch_the_broker)
        worker_marks.leave_marks(app)
        # Uploads come last, so every permission exists by then.
        post_migrate.connect(make_role, sender=apps.get_app_config("uploads"))
