"""Run a command of the service in its container: `python -m deploy.entrypoint COMMAND...`.

Adds the settings that `deploy.fill_secrets` left in SETTINGS_DIR (a file for each, none needed) to the
environment, which wins; sees that DATA_DIR and TMPDIR can be written; then becomes the command.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from deploy.folders import UnwritableError, require_writable

SETTINGS_DIR = "/secrets/app"


def settings_in(folder: Path) -> dict[str, str]:
    """Name and value of each setting kept in `folder`; none when there is no such folder."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_text().strip() for path in sorted(folder.iterdir()) if path.name.isupper()}


def main() -> None:
    command = sys.argv[1:]
    if not command:
        sys.exit("There is no command to run.")
    try:
        kept = settings_in(Path(os.environ.get("SETTINGS_DIR") or SETTINGS_DIR))
        require_writable(Path(os.environ.get("DATA_DIR") or "var"), Path(tempfile.gettempdir()))
    except UnwritableError as refusal:
        sys.exit(str(refusal))
    except OSError as error:
        sys.exit(f"The settings in {error.filename} cannot be read: {error.strerror}.")
    for name, value in kept.items():
        os.environ[name] = os.environ.get(name, "").strip() or value
    try:
        os.execvp(command[0], command)  # noqa: S606  # a shell would not pass signals on
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}.")


if __name__ == "__main__":
    main()
