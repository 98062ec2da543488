"""The settings of production, with the parts replaced that die on order."""

from pyrostorage_site.settings import *  # noqa: F403
from pyrostorage_site.settings import DATABASES, MIDDLEWARE, OBJECT_STORE, STORAGES

_vendor = "sqlite" if "sqlite" in DATABASES["default"]["ENGINE"] else "postgres"
_store = "DeadlyBucket" if "bucket" in OBJECT_STORE["BACKEND"] else "DeadlyFolder"

DATABASES["default"]["ENGINE"] = f"curation.tests.faults.deadly_{_vendor}"
STORAGES["default"] = OBJECT_STORE | {"BACKEND": f"curation.tests.faults.deadly_parts.{_store}"}
MIDDLEWARE.insert(0, "curation.tests.faults.deadly_parts.DeadlyMiddleware")
