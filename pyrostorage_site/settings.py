"""Settings, read from top to bottom. Each variable is documented in docs/settings.md.

Nothing set: SQLite and a folder below DATA_DIR. With DATABASE_URL, BUCKET_NAME and S3_*, REDIS_URL:
PostgreSQL, a bucket and a shared cache, by the same code path.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from pyrostorage_site import env

# --- Where am I? -------------------------------------------------------------------------------
BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(Path(env.text("ENV_FILE", str(BASE_DIR / ".env"))))
DEBUG = env.flag("DEBUG")
VERSION = "1.0.0.dev0"
DATA_DIR = (BASE_DIR / env.text("DATA_DIR", "var")).resolve()

# --- Under which address is it reached? --------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", default=8080, most=65535)
PUBLIC_URL = env.url("PUBLIC_URL", schemes=("http", "https"), default=f"http://localhost:{PORT}")
IS_HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.words("ALLOWED_HOSTS")]  # probes ask by the first three
if (_public_host := urlsplit(PUBLIC_URL).hostname) and _public_host not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(_public_host)
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
USE_X_FORWARDED_HOST = False
APPEND_SLASH = False  # a redirect would lose the body of a POST; each route answers both spellings
SECURE_SSL_REDIRECT = False  # the proxy's business; a redirect here would break health checks

# --- Where are the rows kept? ------------------------------------------------------------------
DATABASE_URL = env.text("DATABASE_URL")
DATABASE_SECONDS = env.whole("DATABASE_SECONDS", default=25, most=3600)
DATABASES: dict[str, dict[str, Any]] = {"default": {}}
if DATABASE_URL:
    try:
        DATABASES["default"] = dict(environ.Env.db_url_config(DATABASE_URL))
    except Exception as error:
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read; write postgres://user:password@host:5432/name."
        ) from error
    if "postgresql" not in DATABASES["default"].get("ENGINE", ""):
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres://; leave it out for SQLite.")
    DATABASES["default"] |= {
        "ENGINE": "pyrostorage_site.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 3,
            "tcp_user_timeout": 10_000,
            "options": f"-c statement_timeout={DATABASE_SECONDS}s -c lock_timeout=5s "
            "-c idle_in_transaction_session_timeout=30s",
        },
    }
else:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "db.sqlite3",
        "TEST": {"NAME": DATA_DIR / "test-db.sqlite3"},  # a file: one in memory has no WAL and other locks
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",  # a deferred transaction that turns to writing cannot wait, it fails
            # FULL: with NORMAL a power cut loses rows that were acknowledged.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Where are the pictures kept? --------------------------------------------------------------
BUCKET_NAME = env.text("BUCKET_NAME")
S3 = {
    "S3_ACCESS_KEY": env.text("S3_ACCESS_KEY"),
    "S3_SECRET_KEY": env.text("S3_SECRET_KEY"),
    "S3_REGION": env.text("S3_REGION"),
    "S3_ENDPOINT_URL": env.url("S3_ENDPOINT_URL", schemes=("http", "https")),
}
S3_PUBLIC_ENDPOINT_URL = env.url("S3_PUBLIC_ENDPOINT_URL", schemes=("http", "https"), default=S3["S3_ENDPOINT_URL"])
if BUCKET_NAME or any(S3.values()):
    missing = [name for name, value in {"BUCKET_NAME": BUCKET_NAME, **S3}.items() if not value]
    if missing:
        raise ImproperlyConfigured(f"The bucket is configured by half: {', '.join(missing)} must be set as well.")
    OBJECT_STORE = {
        "BACKEND": "curation.storage.bucket.BucketStore",
        "OPTIONS": {
            "bucket_name": BUCKET_NAME,
            "access_key": S3["S3_ACCESS_KEY"],
            "secret_key": S3["S3_SECRET_KEY"],
            "region_name": S3["S3_REGION"],
            "endpoint_url": S3["S3_ENDPOINT_URL"],
            "public_endpoint_url": S3_PUBLIC_ENDPOINT_URL,
            "allow_public": env.flag("ALLOW_PUBLIC_BUCKET"),
        },
    }
else:
    OBJECT_STORE = {
        "BACKEND": "curation.storage.folder.FolderStore",
        "OPTIONS": {"location": DATA_DIR / "objects"},
    }
BACKUP_S3 = {  # for `manage.py backup --objects s3://bucket`
    "access_key": env.text("BACKUP_S3_ACCESS_KEY", S3["S3_ACCESS_KEY"]),
    "secret_key": env.text("BACKUP_S3_SECRET_KEY", S3["S3_SECRET_KEY"]),
    "region_name": env.text("BACKUP_S3_REGION", S3["S3_REGION"]),
    "endpoint_url": env.url("BACKUP_S3_ENDPOINT_URL", schemes=("http", "https"), default=S3["S3_ENDPOINT_URL"]),
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": OBJECT_STORE,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
SPOOL_DIR: Path | None = None  # bodies wait in the system's temporary folder (TMPDIR)
STORE_SLOTS = env.whole("STORE_SLOTS", default=5, most=1000)
DATABASE_SLOTS = env.whole("DATABASE_SLOTS", default=6, most=1000)
COLLECT_GRACE = timedelta(hours=env.whole("COLLECT_GRACE_HOURS", default=24))
CHORES = env.flag("CHORES", default=True)
DELETED_KEPT = timedelta(days=env.whole("DELETED_KEPT_DAYS", default=30))

# --- How large may things be? ------------------------------------------------------------------
MIB = 1024 * 1024
IMAGE_MAX_BYTES = env.whole("IMAGE_MAX_MIB", default=64) * MIB
VIDEO_MAX_BYTES = env.whole("VIDEO_MAX_MIB", default=10 * 1024) * MIB
ANNOTATION_MAX_BYTES = env.whole("ANNOTATION_MAX_MIB", default=16) * MIB
IMAGE_MAX_PIXELS = env.whole("IMAGE_MAX_MEGAPIXELS", default=50) * 1_000_000
IMAGE_MAX_SIDE = 16_384
IMPORT_MAX_BYTES = env.whole("IMPORT_MAX_MIB", default=20 * 1024) * MIB  # an uploaded archive
INGEST_NAME_PATTERNS = env.text("INGEST_NAME_PATTERNS").split()  # regular expressions; docs/imports.md
DISK_RESERVE_BYTES = env.whole("DISK_RESERVE_MIB", default=256, least=0) * MIB
UPLOAD_PUT_MAX_BYTES = env.whole("UPLOAD_PUT_MAX_MIB", default=64, most=5 * 1024) * MIB  # in one PUT, else in parts
UPLOAD_INLINE_MAX_BYTES = env.whole("UPLOAD_INLINE_MAX_MIB", default=64, least=0) * MIB
UPLOAD_IDLE = timedelta(hours=env.whole("UPLOAD_IDLE_HOURS", default=24))
UPLOADS_UNDER_WAY = env.whole("UPLOADS_UNDER_WAY", default=1000)
DATA_UPLOAD_MAX_MEMORY_SIZE = MIB
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_HANDLERS = ["curation.storage.receive.SpoolingHandler"]
JSON_MAX_DEPTH = 64
PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
LINK_SECONDS = env.whole("LINK_SECONDS", default=3600, most=3600)
PAGE_LINK_SECONDS = 300  # links inside our own pages

# --- Who is asking? ----------------------------------------------------------------------------
SECRET_KEY = env.secret_key(keep_in=DATA_DIR / "secret_key", may_generate=not (DATABASE_URL or BUCKET_NAME))
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
SUPERUSER_LOGIN = env.text("SUPERUSER_LOGIN")
SUPERUSER_PWD = env.text("SUPERUSER_PWD")
AUTH_USER_MODEL = "accounts.Access"
AUTHENTICATION_BACKENDS = ["accounts.backends.AttemptsBackend", "accounts.backends.AccessBackend"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2", "accounts.hashers.AdoptedBcrypt"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.passwords.LengthValidator"},
    {"NAME": "accounts.passwords.NotTheLoginValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_TOKEN_LIFETIME = timedelta(minutes=60)
LOGIN_TOKENS_MAX = 20  # living ones of one access
IDEMPOTENCY_LIFETIME = timedelta(hours=24)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_USERNAME_CALLABLE = "accounts.lockout.account_name"
AXES_CLIENT_IP_CALLABLE = "accounts.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.refuse"
FAILURES_PER_ADDRESS = 20  # wrong logins of one IP address in AXES_COOLOFF_TIME, whatever the account

# --- What runs for each request? ---------------------------------------------------------------
INSTALLED_APPS = [
    "pyrostorage_site.apps.Workbench",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "corsheaders",
    "csp",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "storages",
    "accounts",
    "curation",
    "pyrostorage_site.apps.Site",
]
MIDDLEWARE = [
    "pyrostorage_site.middleware.RequestId",
    "pyrostorage_site.middleware.SafeHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "curation.jobs.requests.RunsItsJobs",
]
JOBS_IN_REQUEST = env.whole("JOBS_IN_REQUEST", default=2, least=0)
ROOT_URLCONF = "pyrostorage_site.urls"
WSGI_APPLICATION = "pyrostorage_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
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
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "pyrostorage_site.cache.LocalCounts", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "pyrostorage_site.shared_cache.RedisCounts",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},  # nobody waits for a counter
    }

# --- What may a browser do? --------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if IS_HTTPS else []
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False  # other services may live beside this one
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS and TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
_bucket_origin = [S3_PUBLIC_ENDPOINT_URL] if S3_PUBLIC_ENDPOINT_URL else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *_bucket_origin],
        "media-src": [SELF, *_bucket_origin],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
CORS_ORIGIN = env.words("CORS_ORIGIN")
CORS_ALLOW_ALL_ORIGINS = "*" in CORS_ORIGIN
CORS_ALLOWED_ORIGINS = [origin.rstrip("/") for origin in CORS_ORIGIN if origin != "*"]
CORS_ALLOW_CREDENTIALS = False  # tokens travel in a header; a cookie never leaves our own pages
CORS_EXPOSE_HEADERS = ["Link", "Retry-After", "ETag"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match"]

# --- The API -----------------------------------------------------------------------------------
RATES = {  # requests of one access, by its scope; and the links among them
    "user": env.text_or_none("RATE_USER", "6000/min"),
    "device": env.text_or_none("RATE_DEVICE", "6000/min"),
    "curator": env.text_or_none("RATE_CURATOR", "6000/min"),
    "admin": env.text_or_none("RATE_ADMIN", "12000/min"),
    "links": env.text_or_none("LINK_RATE", "3000/min"),
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.rest.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.rest.permissions.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["accounts.rest.renderers.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.rest.parsers.JsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "accounts.rest.negotiation.JsonUnlessSaid",
    "DEFAULT_SCHEMA_CLASS": "accounts.rest.schema.Operation",
    "EXCEPTION_HANDLER": "accounts.rest.errors.explain",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_THROTTLE_CLASSES": ["accounts.rest.throttles.Rates"],
    "NUM_PROXIES": 0,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "pyro-storage",
    "VERSION": VERSION,
    "DESCRIPTION": "Keeps wildfire-camera pictures and their annotations safe, and lets people curate them.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["accounts.rest.schema.one_spelling"],
    "ENUM_NAME_OVERRIDES": {
        "LayerOriginEnum": "curation.models.annotation.Origin",
        "SequenceOriginEnum": "curation.models.sequence.Sequence.Origin",
        "ScopeEnum": "accounts.scopes.Scope",
        "LabelKindEnum": "curation.models.label.Label.Kind",
        "RegionKindEnum": "curation.models.region.Region.Kind",
        "ClusterKindEnum": "curation.models.cluster.Cluster.Kind",
        "TokenKindEnum": "accounts.models.token.ApiToken.Kind",
    },
    "SWAGGER_UI_FAVICON_HREF": "",
}

# --- What is written down? ---------------------------------------------------------------------
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "pyrostorage_site.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "pyrostorage_site.logs.PatientHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},  # refusals have lines of their own; its paths may hold keys
        "axes": {"level": "ERROR"},
        "botocore": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},  # its warnings show whole addresses
    },
}
SENTRY_DSN = env.url("SENTRY_DSN", schemes=("http", "https"))
SERVER_NAME = env.text("SERVER_NAME")
if SENTRY_DSN:
    from pyrostorage_site import sentry  # costs 100 ms, so only where it is used

    sentry.start(SENTRY_DSN, server_name=SERVER_NAME, release=VERSION)

SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for sub-domains: other services may live beside this one
    "security.W008",  # redirect to https: the proxy does it
    "security.W021",  # HSTS preload: the operator's own decision
    *(["security.W004", "security.W012", "security.W016"] if not IS_HTTPS else []),  # said by pyrostorage.W002
]
