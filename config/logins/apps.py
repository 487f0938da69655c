"""django-axes under the names that its tables have in our admin."""

from axes.apps import AppConfig


class LoginRecords(AppConfig):  # type: ignore[misc] # axes has no types
    """Who logged in and who failed to."""

    verbose_name = "Logins"

    def ready(self) -> None:
        super().ready()
        for name, singular, plural in (
            ("AccessAttempt", "failed login", "failed logins"),
            ("AccessLog", "login", "logins"),
        ):
            meta = self.get_model(name)._meta
            meta.verbose_name, meta.verbose_name_plural = singular, plural
