"""One page of what each filter of media finds, and each of ten pairs: among 10,000 media, and among 1,000,000.

Three regions for each media. Both databases have the same shares of everything and the same spread over the same
year; half of the cameras fell silent in the middle of it, and one label was given up after a third.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.lists import ADMIN_LISTS, ROWS, Browser, filled, getter, run
from benchmarks.rig import Caller, Service, show, verdict

SMALL, LARGE = 10_000, 1_000_000  # media
CALLS = 100  # of each page, one here and one there in turn
CAMERAS, VIEWS = 200, 4  # of each camera; camera c has the views 4c-3 to 4c
OLD = 150  # a camera that fell silent
SPAN = "captured_from=2025-03-01T00:00:00Z&captured_to=2025-04-01T00:00:00Z"
DAY = "captured_from=2025-03-01T00:00:00Z&captured_to=2025-03-02T00:00:00Z"
BY_CAPTURE = "&order=captured"

TABLES = {
    "accounts_organisation": ROWS["accounts_organisation"],
    "curation_camera": """
INSERT INTO curation_camera (id, organisation_id, name, name_folded, timezone, created_at, updated_at, version)
SELECT n, (SELECT min(id) FROM accounts_organisation), 'camera ' || n, 'camera ' || n, 'UTC', now(), now(), 1
FROM generate_series(1, 200) AS n
""",
    "curation_view": """
INSERT INTO curation_view (id, camera_id, azimuth, created_at, updated_at, version)
SELECT n, (n + 3) / 4, (n * 90) %% 360, now(), now(), 1 FROM generate_series(1, 800) AS n
""",
    "curation_media": """
INSERT INTO curation_media (type, file, sha256, size, content_type, original_name, name_folded, width, height,
  captured_at, captured_basis, source, camera, sequence, light, import_identity, owner_id, organisation_id, taken_by_id,
  view_id, created_at, updated_at, version)
SELECT CASE WHEN n %% 500 = 1 THEN 'video' ELSE 'image' END,
  CASE WHEN n %% 500 = 2 THEN '' ELSE 'media/' || md5(n::text) || '.jpg' END,
  CASE WHEN n %% 500 = 2 THEN '' ELSE md5(n::text) || md5((-n)::text) END,
  CASE WHEN n %% 500 = 2 THEN NULL ELSE 50000 + h %% 200000 END, 'image/jpeg', n || '.jpg', n || '.jpg', 1280, 720,
  timestamptz '2025-01-01' + n * (interval '365 days' / %(rows)s), 'client', '', '', '',
  CASE WHEN h %% 24 < 12 THEN 'day' WHEN h %% 24 = 12 THEN 'twilight' ELSE 'night' END, '', %(owner)s,
  CASE WHEN h %% 7 = 0 THEN (SELECT min(id) FROM accounts_organisation) END,
  1 + h / 7 %% (CASE WHEN n > %(rows)s / 2 THEN 100 ELSE 200 END),
  1 + 4 * (h / 7 %% (CASE WHEN n > %(rows)s / 2 THEN 100 ELSE 200 END)) + h / 5 %% 4,
  timestamptz '2025-01-01' + n * (interval '365 days' / %(rows)s),
  timestamptz '2025-01-01' + n * (interval '365 days' / %(rows)s), 2
FROM (SELECT n, hashint4(n) & 2147483647 AS h FROM generate_series(1, %(rows)s) AS n) AS numbers
""",
    "curation_sequence": """
INSERT INTO curation_sequence (id, name, name_folded, origin, created_at, updated_at, version)
SELECT n, 'fire ' || n, 'fire ' || n, 'name', now(), now(), 1 FROM generate_series(1, %(rows)s / 100) AS n
""",
    "curation_sequenceitem": """
INSERT INTO curation_sequenceitem (sequence_id, media_id, position)
SELECT 1 + (id - 1) / 100, id, extract(epoch FROM captured_at)::bigint * 1000000 FROM curation_media WHERE id %% 3 = 0
""",
    "curation_cluster": """
INSERT INTO curation_cluster (id, kind, centre, reach, size, awaits, decision, created_at, updated_at, version)
SELECT n, CASE WHEN n %% 20 = 0 THEN 'frozen' ELSE 'near' END, '', 0, 2, true, '', now(), now(), 1
FROM generate_series(1, %(rows)s / 100) AS n
""",
    "curation_clusteritem": """
INSERT INTO curation_clusteritem (cluster_id, media_id, media_sha256, distance, is_new, created_at)
SELECT 1 + (id - 1) / 100, id, sha256, 0, false, now() FROM curation_media WHERE id %% 100 IN (1, 2)
""",
    "curation_annotation": ROWS["curation_annotation"],
    "curation_annotationrevision": ROWS["curation_annotationrevision"],
    "curation_region": """
INSERT INTO curation_region (revision_id, annotation_id, media_id, label_id, origin, is_truth, score, kind,
  x1, y1, x2, y2, object_id, attributes)
SELECT r.id, a.id, a.media_id,
  CASE WHEN h %% 10 < 3 THEN l.ids[1] WHEN h %% 3000 = 3 THEN l.ids[2]
    WHEN h %% 100 = 14 AND a.media_id < %(rows)s / 3 THEN l.ids[3]
    ELSE l.ids[4 + h %% (array_length(l.ids, 1) - 3)] END,
  CASE WHEN g %% 100 < 70 THEN 'prediction' WHEN g %% 100 < 98 THEN 'imported' ELSE 'human' END, g %% 100 >= 98,
  CASE WHEN g %% 100 < 63 THEN (g / 100 %% 1000) / 1000.0 END, 'box', 0.1, 0.1, 0.2, 0.2, '', '{}'
FROM (SELECT id, media_id, hashint8(id * 4 + k) & 2147483647 AS h, hashint8(-id * 4 - k) & 2147483647 AS g
      FROM curation_annotation, generate_series(1, 3) AS k) AS a
JOIN curation_annotationrevision AS r ON r.annotation_id = a.id,
(SELECT array_agg(id ORDER BY id) AS ids FROM curation_label) AS l
""",
}
SINGLE = {
    "camera": "camera=7",
    "camera, silent": f"camera={OLD}",
    "view": "view=27",
    "view, silent": f"view={OLD * 4}",
    "organisation": "organisation={organisation}",
    "time range, in the order of capture": SPAN + BY_CAPTURE,
    "day": "light=day",
    "twilight": "light=twilight",
    "label, common": "label=smoke",
    "label, rare": "label=wildfire",
    "label, given up": "label=industrial",
    "kind of label": "label_kind=false_positive",
    "origin": "origin=human",
    "truth": "truth=true",
    "score range": "score_from=0.99",
    "score range, rare": "score_from=0.5&score_to=0.5",
    "state": "state=problem",
    "sequence": "sequence=7",
    "near-duplicate": "near_duplicate=true",
    "has file": "uploaded=true",
    "has none": "uploaded=false",
    "size": "size_from=240000",
    "size, rare": "size_from=100000&size_to=100100",
    "type": "type=video",
}
PAIRS = {
    "label and origin": "label=smoke&origin=human",
    "label and score": "label=smoke&score_from=0.95",
    "kind of label and score": "label_kind=false_positive&score_from=0.95",
    "origin and score": "origin=prediction&score_from=0.95",
    "view and label": "view=27&label=smoke",
    "view and time": f"view=27&{SPAN}{BY_CAPTURE}",
    "camera and light": "camera=7&light=night",
    "light and label": "light=twilight&label=smoke",
    "label and time": f"label=smoke&{SPAN}{BY_CAPTURE}",
    "organisation and label": "organisation={organisation}&label=smoke",
}
WORKBENCH = {  # the same page of the admin, which turns to the order of capture by itself
    "time range": SPAN.replace("Z", ""),
    "label and time": f"label=smoke&{SPAN}".replace("Z", ""),
}
TOLD_ONLY = {
    "time range, in the order of ids": SPAN,
    "label given up, and silent camera": f"label=industrial&camera={OLD}",
}


def compare(variables: dict[str, str]) -> None:
    with filled(variables, SMALL, TABLES) as small, filled(variables, LARGE, TABLES) as large:
        for title, filters in (("each", SINGLE), ("pairs", PAIRS)):
            sys.stdout.write(f"{title}\n")
            for name, query in filters.items():
                few, many = p95_of(small, large, query)
                show(name, f"{many * 1000:.1f} ms ({few * 1000:.1f} ms)", verdict(many / few, 2, at_least=False))
        sys.stdout.write("in the workbench\n")
        for name, query in WORKBENCH.items():
            few, many = p95_in_workbench(small, large, query)
            show(name, f"{many * 1000:.1f} ms ({few * 1000:.1f} ms)", verdict(many / few, 2, at_least=False))
        sys.stdout.write("not held to anything\n")
        for name, query in TOLD_ONLY.items():
            few, many = p95_of(small, large, query)
            show(name, f"{many * 1000:.1f} ms ({few * 1000:.1f} ms)", f"{many / few:5.2f}")


def p95_of(small: Service, large: Service, query: str) -> tuple[float, float]:
    """Seconds within which 95 of 100 calls are answered, here and there."""
    return p95(*(asker(running, query) for running in (small, large)))


def p95_in_workbench(small: Service, large: Service, query: str) -> tuple[float, float]:
    return p95(*(getter(Browser(running), f"{ADMIN_LISTS['media']}?{query}") for running in (small, large)))


def p95(*pages: Callable[[], Any]) -> tuple[float, float]:
    """Of two pages, asked for in turn."""
    taken: list[list[float]] = [[], []]
    for call in range(CALLS + 3):
        for page, seconds in zip(pages, taken, strict=True):
            started = time.perf_counter()
            page()
            if call >= 3:  # the first ones warm what a process keeps
                seconds.append(time.perf_counter() - started)
    few, many = (sorted(seconds)[int(CALLS * 0.95)] for seconds in taken)
    return few, many


def asker(running: Service, query: str) -> Callable[[], Any]:
    [[organisation]] = run(running.environment["DATABASE_URL"], "SELECT min(id) FROM accounts_organisation")
    return getter(Caller(running), f"/media?{query.format(organisation=organisation)}")
