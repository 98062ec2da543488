"""A pytest plugin, loaded before the settings are: tests read no `.env` and write to a folder of their own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

os.environ["ENV_FILE"] = os.devnull
if "PYRO_TEST_DATA_DIR" not in os.environ:
    _folder = tempfile.mkdtemp(prefix="pyro-storage-tests-")
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    os.environ["PYRO_TEST_DATA_DIR"] = _folder
os.environ["DATA_DIR"] = os.environ["PYRO_TEST_DATA_DIR"]
(Path(os.environ["DATA_DIR"]) / "static").mkdir(parents=True, exist_ok=True)
