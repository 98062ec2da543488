"""What would fail later, or be unsafe, is found at start. Each check has a number; docs/settings.md explains them.

Values that cannot be read at all are refused by `env` before any check runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from accounts.rates import parsed
from curation.formats import names
from curation.imaging import video

SETTINGS = "settings"  # the tag of our checks: commands that need no others begin sooner
LOCAL = {"localhost", "127.0.0.1", "::1"}
EXAMPLE_KEYS = {"minioadmin", "admin", "test", "changeme", "secret", "password", "AKIAIOSFODNN7EXAMPLE"}
WELL_KNOWN_PASSWORDS = {"superuser_pwd", "password", "change-me", "changeme", "admin", "secret", "example"}


@register(SETTINGS)
def debug_stays_at_home(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E001: DEBUG shows traces and settings to whoever asks."""
    public = [host for host in settings.ALLOWED_HOSTS if host.strip("[]") not in {*LOCAL, "testserver"}]
    if settings.DEBUG and public:
        yield Error(
            "DEBUG is on, and the service answers to a name that others can reach.",
            hint="Leave DEBUG out, or keep ALLOWED_HOSTS and PUBLIC_URL to localhost.",
            id="pyrostorage.E001",
        )


@register(SETTINGS)
def superuser_is_given_whole(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E002: a first admin with half a name, or a password from the documentation."""
    login, password = settings.SUPERUSER_LOGIN, settings.SUPERUSER_PWD
    if bool(login) != bool(password):
        yield Error("SUPERUSER_LOGIN and SUPERUSER_PWD must be set together.", id="pyrostorage.E002")
    elif password and password.lower() in WELL_KNOWN_PASSWORDS | {login.lower()}:
        yield Error("SUPERUSER_PWD is a well-known password.", hint="Choose another one.", id="pyrostorage.E002")


@register(SETTINGS)
def store_key_is_ones_own(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E003: the bucket can be opened with a key out of some documentation."""
    if settings.BUCKET_NAME and settings.S3["S3_SECRET_KEY"] in EXAMPLE_KEYS:
        yield Error(
            "S3_SECRET_KEY is a well-known example.", hint="Give the store a key of its own.", id="pyrostorage.E003"
        )


@register(SETTINGS)
def origins_are_origins(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E004: an origin that no browser would ever send."""
    for origin in settings.CORS_ALLOWED_ORIGINS:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path:
            yield Error(
                "CORS_ORIGIN must list origins such as https://app.example.org, or be a single *.",
                id="pyrostorage.E004",
            )


@register(SETTINGS)
def data_dir_can_be_written(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E005: no place for the database, the pictures or the logs."""
    try:
        Path(settings.DATA_DIR).mkdir(parents=True, exist_ok=True)
    except OSError:
        yield Error("DATA_DIR cannot be created.", hint="Check its owner and rights.", id="pyrostorage.E005")


@register(SETTINGS)
def words_are_known(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E006: a setting that is a word nobody knows, and would only fail at its first use."""
    for name, rate in settings.RATES.items():
        variable = "LINK_RATE" if name == "links" else f"RATE_{name.upper()}"
        try:
            parsed(rate)
        except ValueError:
            yield Error(f"{variable} must be written like 3000/min, or be empty.", id="pyrostorage.E006")


@register(SETTINGS)
def name_patterns_can_be_used(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.E009: a pattern for file names that is none, or that could take for ever."""
    for number, pattern in enumerate(settings.INGEST_NAME_PATTERNS, 1):
        try:
            names.check([pattern])
        except names.BadPattern as error:
            yield Error(f"Pattern {number} of INGEST_NAME_PATTERNS {error}.", id="pyrostorage.E009")


@register(SETTINGS)
def any_origin_is_meant(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.W001: every web site may call the API (never with cookies)."""
    if settings.CORS_ALLOW_ALL_ORIGINS:
        yield Warning("CORS_ORIGIN is *: every web site may call the API.", id="pyrostorage.W001")


@register(SETTINGS)
def videos_can_be_looked_into(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.W003: videos are kept, but nobody sees of them what a list could show."""
    if video.tools() is None:
        yield Warning(
            "ffmpeg and ffprobe are not installed: videos get no preview, and their length often stays unknown.",
            hint="Install ffmpeg, then run manage.py derive --missing.",
            id="pyrostorage.W003",
        )


@register(deploy=True)
def strangers_come_by_https(app_configs: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """pyrostorage.W002: passwords would travel in the clear."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    if not settings.IS_HTTPS and host not in LOCAL:
        yield Warning("PUBLIC_URL is not https.", hint="Put a proxy with TLS in front.", id="pyrostorage.W002")
