"""Commands of the launcher: `python3 -m pyrostorage_site.launch COMMAND`, as the Makefile calls them."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the sentence is for whoever runs an older one
    sys.exit("pyro-storage needs Python 3.11 or later; choose one with `make PYTHON=python3.11 ...`.")

import signal
from collections.abc import Callable
from types import FrameType

from pyrostorage_site.launch import environment, server, suite
from pyrostorage_site.launch.config import LaunchError, read_config

COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "run": lambda _: server.run(read_config()),
    "stop": lambda _: server.stop(read_config()),
    "logs": lambda _: server.logs(read_config()),
    "install": lambda _: environment.install(environment.RUNTIME),
    "install-dev": lambda _: environment.install(environment.TEST),
    "lint": lambda _: suite.lint(),
    "test": suite.test,
    "hosts": suite.hosts,
}


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    """Do the command that `arguments` name; return the exit status, 1 with one sentence for a refusal."""
    signal.signal(signal.SIGTERM, _terminate)  # so that what was started is ended
    command, *rest = arguments or ["nothing"]
    if command not in COMMANDS:
        print(f"The launcher knows: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 1
    try:
        return COMMANDS[command](rest)
    except LaunchError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or command} cannot be used: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
