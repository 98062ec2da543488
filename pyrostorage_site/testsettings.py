"""Settings of the tests: no `.env` is read, files go to a folder of their own, no static files are collected."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = tempfile.mkdtemp(prefix="pyro-storage-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ |= {"ENV_FILE": os.devnull, "DATA_DIR": _folder}
(Path(_folder) / "static").mkdir()

from pyrostorage_site.settings import *  # noqa: E402, F403
from pyrostorage_site.settings import OBJECT_STORE  # noqa: E402

CHORES = False  # a worker in a test does what the test gave it
STORAGES = {
    "default": OBJECT_STORE,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
JOBS_IN_REQUEST = 0  # a test that wants them run says so
DATABASE_SLOTS = 100  # a test runs 30 clients in one process, where a server has 8 threads
