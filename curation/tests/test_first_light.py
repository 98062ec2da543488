"""The main job, once through: a tower sends a picture and its label, and fetches both back."""

from __future__ import annotations

import hashlib

from accounts.tests.cast import Cast, api
from curation.tests.pictures import LABEL, part, picture


def test_a_tower_sends_a_picture_with_its_label_and_reads_both_back(cast: Cast) -> None:
    tower, content = api(cast.tower), picture(1)

    media = tower.post("/media", {"type": "image"}, format="json").json()
    uploaded = tower.post(f"/media/{media['id']}/upload", {"file": part(content)}, format="multipart")
    annotation = tower.post("/annotations", {"media_id": media["id"]}, format="json").json()
    labelled = tower.post(f"/annotations/{annotation['id']}/upload", {"file": part(LABEL, "a.txt")}, format="multipart")

    assert uploaded.status_code == labelled.status_code == 200
    assert uploaded.json()["sha256"] == hashlib.sha256(content).hexdigest()
    assert (uploaded.json()["width"], uploaded.json()["height"]) == (64, 48)
    assert labelled.json()["state"] == "stored"
    assert tower.get(f"/media/{media['id']}/url").json()["url"].startswith("http")
