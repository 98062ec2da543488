"""What is run for each kind of job: the one place that knows both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from curation.actions import annotation_imports, chores, collections, imports, light, places
from curation.actions.completing import complete_upload
from curation.actions.derive import derive
from curation.actions.duplicates import searching
from curation.actions.meaning import uploaded
from curation.actions.working import Work


@dataclass(frozen=True)
class Handler:
    """action: does the work. seconds: wall limit of one attempt. short: may run at the end of a request."""

    action: Callable[[Work], None]
    seconds: int
    short: bool = False


HANDLERS: dict[str, Handler] = {
    "collect": Handler(chores.collect_unneeded, seconds=6 * 3600),
    "complete_upload": Handler(complete_upload, seconds=4 * 3600),
    "derive": Handler(derive, seconds=900),
    "find_duplicates": Handler(searching.work, seconds=3600),
    "freeze": Handler(collections.work, seconds=6 * 3600),
    "import": Handler(imports.work, seconds=24 * 3600),
    "import_annotations": Handler(annotation_imports.work, seconds=24 * 3600),
    "read": Handler(uploaded.read, seconds=300),
    "light": Handler(light.work, seconds=3600),
    "resolve": Handler(places.work, seconds=600),
    "scrub": Handler(chores.scrub_slice, seconds=6 * 3600),
    "sweep_uploads": Handler(chores.sweep_uploads, seconds=1800),
}
