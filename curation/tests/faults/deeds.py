"""What clients of several hosts do; host: the number of the one they speak to."""

from __future__ import annotations

import hashlib
import io
import secrets
import zipfile
from typing import Any

import requests

from curation.tests.faults.estate import Estate
from curation.tests.pictures import LABEL, picture


def fresh(side: int = 60) -> bytes:
    """A picture that was never seen."""
    return picture(secrets.randbits(64), size=(side, side))


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def stored(estate: Estate, content: bytes, host: int = 0) -> int:
    """The media that `content` was uploaded to."""
    media = estate.hosts[host].announce()
    answer = estate.hosts[host].upload(media, content)
    assert answer.status_code == 200, answer.text
    return media


# --- Derived -----------------------------------------------------------------------------------------


def is_derived(estate: Estate, media: int, host: int = 0) -> bool:
    return estate.as_curator("GET", f"/api/v1/media/{media}/thumbnail", host).status_code == 200


def derived(estate: Estate, media: int) -> dict[str, int]:
    """How many rows of each kind were made of its bytes."""
    tables = ("curation_derived", "curation_fingerprint", "curation_mediafact")
    count = "SELECT count(*) FROM {} WHERE media_id = %s"
    return {table.partition("_")[2]: estate.first.rows(count.format(table), media)[0][0] for table in tables}


ALL_DERIVED = {"derived": 2, "fingerprint": 1, "mediafact": 1}


# --- Direct uploads ----------------------------------------------------------------------------------


def begun(estate: Estate, content: bytes, host: int = 0, name: str = "ridge.jpg") -> int:
    """A direct upload of which everything has arrived."""
    told = {"name": name, "size": len(content), "sha256": sha(content), "type": "image"}
    answer = estate.hosts[host].ask("POST", "/api/v1/uploads", json=told)
    assert answer.status_code == 201, answer.text
    row = answer.json()
    put = requests.put(row["put"]["url"], content, headers=row["put"]["headers"], timeout=30)
    assert put.status_code == 200, put.text
    return int(row["id"])


def complete(estate: Estate, upload: int, host: int = 0) -> requests.Response:
    return estate.hosts[host].ask("POST", f"/api/v1/uploads/{upload}/complete")


def upload_row(estate: Estate, upload: int, host: int = 0) -> Any:
    answer = estate.hosts[host].ask("GET", f"/api/v1/uploads/{upload}")
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- Imports -----------------------------------------------------------------------------------------

PICTURES = 6  # of an archive, each with its label


def archive() -> bytes:
    """Pictures that were never seen, with their labels; all archives have the same names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for number in range(PICTURES):
            packed.writestr(f"ridge/{number}.jpg", fresh())
            packed.writestr(f"ridge/{number}.txt", LABEL + b"%d 0.5 0.5 0.2 0.2\n" % secrets.randbelow(10**9))
    return out.getvalue()


def posted(estate: Estate, content: bytes, host: int = 0) -> int:
    answer = estate.as_curator("POST", "/api/v1/imports", host, files={"file": ("ridge.zip", content)})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def import_row(estate: Estate, run: int, host: int = 0) -> Any:
    answer = estate.as_curator("GET", f"/api/v1/imports/{run}", host)
    assert answer.status_code == 200, answer.text
    return answer.json()


def made_by(estate: Estate, run: int) -> dict[str, Any]:
    """All that an import left, without numbers and times: the same for every undisturbed one of `archive`."""
    rows = estate.first.rows
    items = "SELECT path, verdict, reason FROM curation_importitem WHERE run_id = %s ORDER BY path"
    medias = "(SELECT media_id FROM curation_importitem WHERE run_id = %s)"
    digests = f"(SELECT sha256 FROM curation_media WHERE id IN {medias})"
    return {
        "run": rows(
            "SELECT state, seen, created, unchanged, refused, skipped, error, archive FROM curation_importrun "
            "WHERE id = %s",
            run,
        ),
        "items": rows(items, run),
        "media with these bytes": rows(f"SELECT count(*) FROM curation_media WHERE sha256 IN {digests}", run),
        "annotations": rows(f"SELECT count(*) FROM curation_annotation WHERE media_id IN {medias}", run),
        "history": rows(
            f"SELECT action, count(*) FROM accounts_auditentry WHERE \"table\" = 'media' AND row_id IN {medias} "
            "AND action <> 'media.derive' GROUP BY action",
            run,
        ),
    }
