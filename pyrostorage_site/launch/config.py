"""Where the server listens and keeps its files: HOST, PORT, DATA_DIR, PUBLIC_URL from the environment or `.env`.

Everything else in `.env` is read and judged by the settings, not here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = "8080"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - addresses to recognise, not to bind
LOCAL = {"127.0.0.1", "::1", "localhost", *EVERYWHERE}


class LaunchError(Exception):
    """The launcher must refuse; the message is one sentence for the person who typed the command."""


@dataclass(frozen=True)
class Config:
    """What the launcher itself needs to know."""

    host: str
    port: int
    data_dir: Path
    public_url: str  # "" = not set

    @property
    def bind(self) -> str:
        """host:port as gunicorn wants it, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / "log"

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def pid_file(self) -> Path:
        return self.run_dir / "gunicorn.pid"

    @property
    def server_log(self) -> Path:
        return self.log_dir / "server.log"

    @property
    def worker_pid_file(self) -> Path:
        return self.run_dir / "worker.pid"

    @property
    def worker_log(self) -> Path:
        return self.log_dir / "worker.log"

    @property
    def access_log(self) -> Path:
        return self.log_dir / "access.log"


def read_config(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> Config:
    """The configuration from `environ` (default: this process's) and, where that is silent, `.env`.

    ENV_FILE names another file than `.env` in the project. Raises LaunchError.
    """
    environ = os.environ if environ is None else environ
    written = read_env_file(Path(environ.get("ENV_FILE", "").strip() or root / ".env"))

    def text(name: str, default: str = "") -> str:
        return environ.get(name, written.get(name, "")).strip() or default

    return Config(
        host=text("HOST", DEFAULT_HOST),
        port=parse_port(text("PORT", DEFAULT_PORT)),
        data_dir=root / Path(text("DATA_DIR", "var")).expanduser(),
        public_url=text("PUBLIC_URL").rstrip("/"),
    )


def read_env_file(path: Path) -> dict[str, str]:
    """KEY=VALUE lines; blank lines and lines that begin with # do not count, a pair of quotes is taken off.

    There are no inline comments: what follows a # belongs to the value. No file, no lines.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise LaunchError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.") from error
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {
        name.strip(): _unquoted(value.strip()) for name, equals, value in pairs if equals and not name.startswith("#")
    }


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def parse_port(value: str) -> int:
    digits = value.isascii() and value.isdigit() and len(value) <= 5
    if not digits or not 1 <= int(value) <= 65535:
        raise LaunchError("PORT must be a whole number from 1 to 65535.")
    return int(value)


def say(sentence: str) -> None:
    """Print at once: what child processes print must come after it, also into a pipe."""
    print(sentence, flush=True)
