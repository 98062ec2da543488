"""The settings of production, with the parts replaced that die on order."""

import os
from typing import Any

from botocore.config import Config

from curation.storage import breaker
from pyrostorage_site.settings import *  # noqa: F403
from pyrostorage_site.settings import DATABASES, MIDDLEWARE, OBJECT_STORE, STORAGES

_vendor = "sqlite" if "sqlite" in DATABASES["default"]["ENGINE"] else "postgres"
_store = "DeadlyBucket" if "bucket" in OBJECT_STORE["BACKEND"] else "DeadlyFolder"

DATABASES["default"]["ENGINE"] = f"curation.tests.faults.deadly_{_vendor}"
STORAGES["default"] = OBJECT_STORE | {"BACKEND": f"curation.tests.faults.deadly_parts.{_store}"}
MIDDLEWARE.insert(0, "curation.tests.faults.deadly_parts.DeadlyMiddleware")

if os.environ["FAULT_ROUNDS"] == "1" and _store == "DeadlyBucket":  # production's patience is for `make faults`
    _options: Any = OBJECT_STORE["OPTIONS"]
    _options["client_config"] = Config(connect_timeout=1, read_timeout=2)
    breaker.PAUSE = 3.0
