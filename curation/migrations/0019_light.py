"""Say of the media that are there which camera took them, and in what light.

In pages of 2,000 media, each in a transaction of its own, so that others write meanwhile; an attempt that was ended
begins anew, and changes only what is not right yet. Going back changes nothing: the column goes with 0017.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from curation.imaging import sun

PAGE = 2000


def fill(apps: Any, schema_editor: Any) -> None:
    media, view = apps.get_model("curation", "Media").objects.all(), apps.get_model("curation", "View")
    camera = models.Subquery(view.objects.filter(pk=models.OuterRef("view")).values("camera"))
    columns = ("pk", "captured_at", "latitude", "longitude", "view__camera__latitude", "view__camera__longitude")
    done = 0
    while page := list(media.filter(pk__gt=done).order_by("pk").values_list(*columns)[:PAGE]):
        found: dict[str, list[int]] = {}
        for pk, at, *position in page:
            latitude, longitude = position[2:] if None in position[:2] else position[:2]
            if at is not None and latitude is not None and longitude is not None:
                found.setdefault(sun.light(sun.elevation(at, latitude, longitude)), []).append(pk)
        for light, ids in found.items():
            media.filter(pk__in=ids).exclude(light=light).update(light=light)
        media.filter(pk__in=[row[0] for row in page], view__isnull=False, taken_by=None).update(taken_by=camera)
        done = page[-1][0]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("curation", "0018_search_indexes")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
