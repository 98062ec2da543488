"""Is it fast? Figures beside the raw limit of the same run.

    make benchmark                               all of it, more than an hour
    python -m benchmarks.entries flows views     parts of it

Absolute figures vary from machine to machine and from run to run, and prove nothing alone.
"""

from __future__ import annotations

import sys

from benchmarks import annotations as meaning
from benchmarks import clusters, derive, filters, flows, imports, ingest, jobs, lists, video, views
from benchmarks.rig import servers, service

ON_ONE_SERVICE = {
    "flows": flows.run,
    "views": views.run,
    "video": video.run,
    "derive": derive.run,
    "ingest": ingest.run,
    "imports": imports.run,
    "annotations": meaning.run,
    "jobs": jobs.run,
}
ON_THEIR_OWN = {"lists": lists.compare, "filters": filters.compare, "clusters": clusters.compare}  # databases


def main(names: list[str]) -> None:
    names = names or [*ON_ONE_SERVICE, *ON_THEIR_OWN]
    with servers() as variables:
        with service(variables) as running:
            for name in (name for name in names if name in ON_ONE_SERVICE):
                sys.stdout.write(f"\n{name}\n")
                ON_ONE_SERVICE[name](running)
        for name in (name for name in names if name in ON_THEIR_OWN):
            sys.stdout.write(f"\n{name}\n")
            ON_THEIR_OWN[name](variables)


if __name__ == "__main__":
    main(sys.argv[1:])
