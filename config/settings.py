"""All configuration, read from the environment once.

The order is that of README's table and of `.env.example`. What differs per tenant is
a column, never a variable.
"""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from kombu import Queue

from config import embedded
from config.unfold import UNFOLD as UNFOLD  # its own file: it is long, and only looks

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# Where the data lives
# Without an address, the real servers of `config.embedded` start: one machine, one
# command. With one, nothing embedded starts: that is production.

DATABASE_URL = env.str("DATABASE_URL", "")
REDIS_URL = env.str("REDIS_URL", "")
try:
    servers = embedded.ensure(database=not DATABASE_URL, redis=not REDIS_URL)
except embedded.EmbeddedError as exc:
    raise SystemExit(str(exc)) from exc  # a sentence, whatever command was typed
EMBEDDED = not DATABASE_URL
DATABASE_URL = DATABASE_URL or str(servers.database_url)
REDIS_URL = REDIS_URL or str(servers.redis_url)


def secret(name: str) -> str:
    """Return a secret of the environment; embedded mode makes its own, once."""
    if EMBEDDED:
        return env.str(name, "") or embedded.secret(name)
    return str(env.str(name))


database: dict[str, Any] = environ.Env.db_url_config(DATABASE_URL)
options = database.setdefault("OPTIONS", {})
if "host" in options:  # `?host=/socket`, which `dbshell` looks for in HOST
    database["HOST"] = options.pop("host")
# A new connection for each request costs the webhook five sixths of its speed. A
# request that gets none within 4 s fails while WhatsApp is still waiting for it.
options["pool"] = {"min_size": 1, "max_size": 16, "timeout": 4}
options.setdefault("connect_timeout", 4)
database["CONN_HEALTH_CHECKS"] = True
DATABASES = {"default": database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MEDIA_ROOT = env.str("MEDIA_ROOT", "") or str(
    embedded.base_dir() / "kept" if EMBEDDED else BASE_DIR / "kept"
)
# Kept files are private: nothing serves them by their name.
MEDIA_URL = ""

# Secrets

SECRET_KEY = secret("SECRET_KEY")
# Fernet keys for tenants' secrets at rest, newest first; older ones only read.
FIELD_ENCRYPTION_KEYS = secret("FIELD_ENCRYPTION_KEYS").split(",")
# Keys the digest by which national ids are matched without being stored.
NATIONAL_ID_KEY = secret("NATIONAL_ID_KEY")

# Who may reach it

DEBUG = env.bool("DEBUG", False)
PORT = env.int("PORT", 8000)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Said, not guessed from DATABASE_URL: `start` beside a database of one's own answers on
# plain http, where a redirect would lead nowhere.
HTTPS = env.bool("HTTPS", False)
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 30 * 24 * 60 * 60
    # The other names of the domain, and browsers' lists, are not ours to promise.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
# How many proxies stand before web, each adding whom it was asked by to
# X-Forwarded-For. With none, that header is anybody's invention.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
# How long it is kept who logged in and who failed to. 0: forever.
LOGIN_RETENTION_DAYS = env.int("LOGIN_RETENTION_DAYS", 90)
SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60  # a working day
X_FRAME_OPTIONS = "DENY"

# WhatsApp

# Meta's app secrets, newest first: while one is rotated, both are good.
app_secrets = secret("WHATSAPP_APP_SECRET").split(",")
WHATSAPP_APP_SECRET = [one.strip() for one in app_secrets if one.strip()]
WHATSAPP_VERIFY_TOKEN = secret("WHATSAPP_VERIFY_TOKEN")
# Where media are fetched from. A local service may stand in for it: the access tokens
# are sent to Meta's hosts and to this one, and to no other.
WHATSAPP_GRAPH_URL = env.str("WHATSAPP_GRAPH_URL", "https://graph.facebook.com/v25.0")

# Retention

# Bodies hold what people wrote; once processed they serve for replays only. 0: forever.
EVENT_RETENTION_DAYS = env.int("EVENT_RETENTION_DAYS", 90)
# What else is kept for how many days; a tenant may have its own. 0: for good.
MEDIA_RETENTION_DAYS = env.int("MEDIA_RETENTION_DAYS", 0)
# Customer files hold national ids whole, which nothing else does.
UPLOAD_FILE_RETENTION_DAYS = env.int("UPLOAD_FILE_RETENTION_DAYS", 90)
ROW_ISSUE_RETENTION_DAYS = env.int("ROW_ISSUE_RETENTION_DAYS", 365)

# Customer files

# A larger one, in MiB, is refused before it is received whole.
UPLOAD_MAX_MB = env.int("UPLOAD_MAX_MB", 1024)
# After these seconds the process that works at a file is killed, and its upload fails.
# Of its 20,000 rows a part takes 1 to 2 s. A file is read at some 20 MB/s; beside these
# seconds it has one for each MB.
UPLOAD_PART_SECONDS = env.int("UPLOAD_PART_SECONDS", 120)
UPLOAD_READING_SECONDS = env.int("UPLOAD_READING_SECONDS", 120)
if min(UPLOAD_PART_SECONDS, UPLOAD_READING_SECONDS) < 1:
    raise ImproperlyConfigured(
        "UPLOAD_PART_SECONDS and UPLOAD_READING_SECONDS must be 1 or more: with 0 "
        'every file would fail at once, and there is no "for ever".'
    )
# What a tenant may have: files that are not finished, and MiB of kept files. 0: any.
UPLOAD_MAX_UNFINISHED = env.int("UPLOAD_MAX_UNFINISHED", 200)
UPLOAD_MAX_KEPT_MB = env.int("UPLOAD_MAX_KEPT_MB", 50_000)

# Logs

# Whole numbers and names in the log, for an operator who needs them for an hour.
LOG_PERSONAL_DATA = env.bool("LOG_PERSONAL_DATA", False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Two lines for every task would bury what the tasks themselves have to say.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # It names accounts whole; `config.logins` says the same without.
        "axes": {"level": "ERROR"},
        # Whoever calls us by another name is answered 400; no code of ours must change.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}

# The house

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "config.logins.apps.LoginRecords",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # Swagger's page, without a request to another host
    "config",
    "tenants",
    "contacts",
    "customers",
    "messaging",
    "uploads",
]
MIDDLEWARE = [
    "config.health.health_middleware",  # load balancers ask without a host name
    "django.middleware.security.SecurityMiddleware",
    "config.security.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # admin pages are 300 KB of markup
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.logins.responses.TooManyLoginsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who is locked out is not tried
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["config.logins.hashing.BoundedPBKDF2PasswordHasher"]
# What is counted, and up to which limits, is in config/logins/limits.py.
AXES_HANDLER = "config.logins.handler.LoginHandler"
AXES_CLIENT_IP_CALLABLE = "config.logins.addresses.counted_address"
AXES_LOCKOUT_CALLABLE = "config.logins.responses.locked_out"
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address", ["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False  # ours is in config/logins/admin.py
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")  # Unfold's form names no next page

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.HasToken", "tenants.api.MayWrite"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.ClientThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.parsers.JSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.api_errors.answer_error",
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Dues Desk",
    "VERSION": "1",
    "DESCRIPTION": (
        "Contacts, conversations and customer files of one tenant: the token's. "
        'Errors are `{"detail": …}`. Lists come in pages; follow `next`.'
    ),
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["config.api_schema.of_the_api"],
    # Nothing in it is anybody's.
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "UploadStatus": "uploads.models.FileUpload.Status",
        "MessageStatus": "messaging.models.ChatMessage.Status",
    },
}

LANGUAGE_CODE = "en-in"
TIME_ZONE = "Asia/Kolkata"
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"  # Django knows no Indian English

STATIC_URL = "static/"
# The image has this folder and collects its files into it; a checkout serves them from
# where they lie.
COLLECTED = (BASE_DIR / "staticfiles").exists()
STATIC_ROOT = BASE_DIR / "staticfiles" if COLLECTED else None
WHITENOISE_USE_FINDERS = not COLLECTED
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        # Private, and only these: FILE_UPLOAD_PERMISSIONS would close the static files
        # as well, to all but the one who collected them.
        "OPTIONS": {
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Celery: the broker is a doorbell, the tables are the queue

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A lost task is found by the sweep long before Redis would deliver it again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 0.5,
}
# Messages wait for nothing else: customer files have workers of their own, and so has
# what may be slow through no fault of ours or may come later (media, purges).
CELERY_TASK_ROUTES = {
    "messaging.tasks.drain": {"queue": "messages"},
    "messaging.tasks.sweep": {"queue": "messages"},
    "uploads.tasks.process_upload": {"queue": "files"},
    "uploads.tasks.load_parts": {"queue": "files"},
    "uploads.tasks.sweep": {"queue": "files"},
}
CELERY_TASK_DEFAULT_QUEUE = "background"
# A worker without -Q takes from all of them. "celery" is what earlier releases sent to:
# what lies there at an upgrade is still done, by the files' workers.
CELERY_TASK_QUEUES = [
    Queue(name, routing_key=name)
    for name in ("messages", "files", "background", "celery")
]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 3000  # below the visibility timeout, or it would run twice
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# True would abort a running task when Redis dies and wait out the visibility timeout.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
