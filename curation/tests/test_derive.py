"""From a media's bytes to its small pictures and facts: the job, the command, and what happens in between."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from pytest_django import Settings

from accounts.models import AuditEntry
from accounts.refusals import Busy, Missing
from accounts.tests.cast import Cast, api
from curation.actions import derive as deriving
from curation.actions import derived, fetching, links
from curation.actions import media as actions
from curation.actions.derive import derive, derive_now
from curation.imaging import child, decoder, video
from curation.imaging.decoder import Decoder
from curation.imaging.dhash import dhash
from curation.models import Derived, Fingerprint, Job, Media, MediaFact, StoredObject
from curation.storage.stores import object_store
from curation.tests import damage
from curation.tests.deeds import NOBODY, actor, collect_now, delete_long_ago, key_of, stored_media, upload
from curation.tests.imaging_files import film, noise, png, saved
from curation.tests.pictures import LABEL, part, picture
from curation.tests.stage import on_stage, once

pytestmark = pytest.mark.django_db

TAKEN = datetime(2024, 3, 6, 6, 45, 24, tzinfo=UTC)


class Attempt:
    """One attempt at a job."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self.payload = payload
        self.told: list[tuple[int, int | None]] = []

    def progress(self, done: int, total: int | None = None) -> None:
        self.told.append((done, total))


def run(media: Media, **payload: Any) -> Attempt:
    attempt = Attempt({"media": media.pk, "sha256": media.sha256} | payload)
    derive(attempt)
    media.refresh_from_db()
    return attempt


def photograph(*, offset: str = "", seed: int = 7, position: bool = True, model: str = "Mast 7") -> bytes:
    """A picture that tells when, where and with what it was taken."""
    exif = Image.Exif()
    exif[Base.Model] = model
    exif[IFD.Exif], exif[IFD.GPSInfo] = 0, 0
    exif._ifds[IFD.Exif] = {Base.DateTimeOriginal: "2024:03:06 06:45:24"}
    if offset:
        exif._ifds[IFD.Exif][Base.OffsetTimeOriginal] = offset
    exif._ifds[IFD.GPSInfo] = (
        {GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (44, 30, 0), GPS.GPSLongitudeRef: "W", GPS.GPSLongitude: (4, 15, 0)}
        if position
        else {}
    )
    return saved(noise(80 + seed, 60), "JPEG", exif=exif)


def sent(content: bytes, **described: Any) -> Media:
    return upload(actions.create(by=NOBODY, **described), content)


def state() -> dict[str, Any]:
    """All that derivation writes."""
    return {
        "derived": list(Derived.objects.order_by("pk").values()),
        "fingerprints": list(Fingerprint.objects.order_by("pk").values()),
        "facts": [
            {name: value for name, value in row.items() if name != "derived_at"}
            for row in MediaFact.objects.order_by("pk").values()
        ],
        "media": list(Media.objects.order_by("pk").values()),
        "keys": sorted(StoredObject.objects.values_list("key", "state")),
        "audit": AuditEntry.objects.count(),
    }


# --- The job is asked for wherever bytes become a media's


def test_an_upload_an_entry_and_the_workbench_ask_for_it(cast: Cast) -> None:
    one = stored_media(1, by=actor(cast.tower))
    files = {"file": part(picture(2)), "annotation": part(LABEL, "a.txt")}
    other = api(cast.tower).post("/entries", files, format="multipart").json()["media"]
    jobs = Job.objects.filter(kind="derive").order_by("pk")
    assert [(job.payload["media"], job.payload["sha256"]) for job in jobs] == [
        (one.pk, one.sha256),
        (other["id"], other["sha256"]),
    ]
    assert [job.key for job in jobs] == [f"{job.payload['media']}:{job.payload['sha256'][:16]}" for job in jobs]


def test_the_same_bytes_again_ask_for_nothing_and_others_do() -> None:
    media = stored_media(1)
    upload(media, picture(1))
    assert Job.objects.count() == 1
    upload(media, picture(2))
    assert Job.objects.count() == 2


def test_an_announced_media_asks_for_nothing(cast: Cast) -> None:
    actions.create(by=actor(cast.tower))
    assert Job.objects.count() == 0


def test_an_upload_that_is_refused_asks_for_nothing() -> None:
    media = actions.create(by=NOBODY)
    with pytest.raises(Exception, match="no type that we know"):
        upload(media, b"\0\1\2\3" * 9)
    assert Job.objects.count() == 0


# --- What it leaves


def test_a_picture_gets_two_small_ones_a_fingerprint_and_facts() -> None:
    content = saved(noise(1600, 900), "JPEG")
    media = sent(content)
    attempt = run(media)
    assert attempt.told == [(0, 1), (1, None)]
    rows = {row.kind: row for row in Derived.objects.filter(media=media)}
    assert {kind: (row.width, row.height) for kind, row in rows.items()} == {"small": (320, 180), "large": (1280, 720)}
    for row in rows.values():
        assert row.file.name == f"derived/{row.sha256[:32]}.webp"
        assert StoredObject.objects.get(key=row.file.name).state == "ready"
        with object_store().open_read(str(row.file.name)) as file, Image.open(file) as image:
            assert (image.format, image.size) == ("WEBP", (row.width, row.height))
    fact = MediaFact.objects.get(media=media)
    assert (fact.media_sha256, fact.problems, fact.lacked_tools) == (media.sha256, [], False)


def test_the_fingerprint_is_cut_into_bands_from_the_highest_bit_down() -> None:
    media = sent(saved(noise(64, 48), "PNG"))
    run(media)
    print_ = Fingerprint.objects.get(media=media)
    expected = dhash(noise(64, 48), 8)
    assert print_.dhash64 % (1 << 64) == expected
    assert [print_.band0, print_.band1, print_.band2, print_.band3] == [
        expected >> 48, expected >> 32 & 0xFFFF, expected >> 16 & 0xFFFF, expected & 0xFFFF,
    ]  # fmt: skip
    assert int.from_bytes(print_.dhash256, "big") == dhash(noise(64, 48), 16)


@pytest.mark.parametrize("bits", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_every_64_bits_fit_into_the_column(bits: int) -> None:
    media = stored_media()
    found = decoder.Found(dhash64=bits, dhash256=bytes(32))
    derived.keep(media.pk, media.sha256, found, [], by=NOBODY)
    assert Fingerprint.objects.get(media=media).dhash64 % (1 << 64) == bits


def test_twice_is_as_once_and_no_version_counts_on() -> None:
    media = sent(photograph())
    run(media)
    before = state()
    run(media)
    assert state() == before


def test_media_with_the_same_bytes_share_their_small_pictures() -> None:
    content = saved(noise(640, 480), "JPEG")
    one, other = sent(content), sent(content)
    run(one)
    run(other)
    keys = set(Derived.objects.values_list("file", flat=True))
    assert (Derived.objects.count(), len(keys)) == (4, 2)


def test_an_ordinary_picture_keeps_its_version_and_its_history() -> None:
    media = stored_media()
    version, entries = media.version, AuditEntry.objects.count()
    run(media)
    assert (media.version, AuditEntry.objects.count()) == (version, entries)


# --- What the file says, and what people said


@pytest.mark.parametrize(
    ("offset", "moment", "basis"),
    [("", TAKEN, "exif_utc_assumed"), ("+02:00", TAKEN - timedelta(hours=2), "exif_offset")],
)
def test_the_files_time_and_place_fill_in_what_nobody_said(offset: str, moment: datetime, basis: str) -> None:
    media = sent(photograph(offset=offset))
    version = media.version
    run(media)
    assert (media.captured_at, media.captured_basis) == (moment, basis)
    assert (media.latitude, media.longitude) == (44.5, -4.25)
    assert MediaFact.objects.get(media=media).camera_model == "Mast 7"
    assert media.camera == ""
    assert media.version == version + 1
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.door, entry.row_id) == ("media.derive", "job", media.pk)
    assert (entry.after or {})["captured_basis"] == basis


def test_what_a_client_gave_is_never_overwritten() -> None:
    said = datetime(2020, 1, 1, tzinfo=UTC)
    media = sent(photograph(), captured_at=said, latitude=1.0, longitude=2.0)
    version = media.version
    run(media)
    assert (media.captured_at, media.captured_basis) == (said, "client")
    assert (media.latitude, media.longitude, media.version) == (1.0, 2.0, version)


def test_half_a_position_that_a_client_gave_is_not_made_whole_with_another() -> None:
    media = sent(photograph(), latitude=1.0)
    run(media)
    assert (media.latitude, media.longitude) == (1.0, None)


def test_a_time_in_the_future_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    media = stored_media()
    found = decoder.Found(taken_at=timezone.now() + timedelta(days=2))
    derived.keep(media.pk, media.sha256, found, [], by=NOBODY)
    media.refresh_from_db()
    assert media.captured_at is None
    assert MediaFact.objects.get(media=media).problems == [derived.IN_THE_FUTURE]
    near = decoder.Found(taken_at=timezone.now() + timedelta(hours=23))
    derived.keep(media.pk, media.sha256, near, [], by=NOBODY)
    media.refresh_from_db()
    assert (media.captured_at, media.captured_basis) == (near.taken_at, "exif_utc_assumed")


def test_another_file_takes_along_what_only_the_first_one_said() -> None:
    media = sent(photograph())
    run(media)
    upload(media, picture(1))
    media.refresh_from_db()
    assert (media.captured_at, media.captured_basis) == (None, "none")
    assert (media.latitude, media.longitude) == (None, None)
    run(media)
    assert media.captured_at is None


def test_another_file_leaves_what_people_said() -> None:
    media = sent(photograph(position=False))
    run(media)
    said = datetime(2020, 1, 1, tzinfo=UTC)
    actions.describe(media, {"captured_at": said, "latitude": 1.0, "longitude": 2.0}, by=NOBODY)
    upload(media, picture(1))
    media.refresh_from_db()
    assert (media.captured_at, media.captured_basis, media.latitude) == (said, "client", 1.0)


# --- Broken files are kept, and said to be broken


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png(100, 100), child.BROKEN),
        (saved(noise(64, 48), "PNG")[:200] + b"\0" * 40 + saved(noise(64, 48), "PNG")[240:], child.BROKEN),
    ],
    ids=["no data", "holes"],
)
def test_what_cannot_be_decoded_is_kept_with_a_sentence(content: bytes, sentence: str) -> None:
    media = sent(content)
    run(media)
    assert MediaFact.objects.get(media=media).problems == [sentence]
    assert (Derived.objects.count(), Fingerprint.objects.count()) == (0, 0)
    assert media.file


def test_what_is_no_picture_any_more_is_said(settings: Settings) -> None:
    media = sent(saved(noise(64, 48), "PNG"))
    settings.IMAGE_MAX_PIXELS = 1000
    run(media)
    assert "it may have 1000 at most" in MediaFact.objects.get(media=media).problems[0]


def test_a_decoder_that_hangs_costs_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deriving, "DECODER", Decoder(seconds=0.01))
    media = stored_media()
    run(media)
    assert MediaFact.objects.get(media=media).problems == ["Decoding took longer than 0.01 seconds and was stopped."]


def test_a_decoder_that_is_at_work_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Decoder(seconds=0.01)
    busy._lock.acquire()
    monkeypatch.setattr(deriving, "DECODER", busy)
    with pytest.raises(Busy):
        run(stored_media())
    assert MediaFact.objects.count() == 0


def test_a_second_look_that_finds_less_takes_away_what_was_there() -> None:
    media = stored_media()
    run(media)
    derived.keep(media.pk, media.sha256, decoder.Found(problems=("Nothing.",)), [], by=NOBODY)
    assert (Derived.objects.count(), Fingerprint.objects.count()) == (0, 0)


# --- Bytes that cannot be had


@pytest.mark.damages_storage
def test_a_missing_object_fails_with_a_sentence_and_no_fact() -> None:
    media = stored_media()
    damage.take_away(key_of(media))
    with pytest.raises(Missing, match="not in the store"):
        run(media)
    assert MediaFact.objects.count() == 0


@pytest.mark.damages_storage
@pytest.mark.parametrize("change", [lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: whole[::-1]])
def test_an_object_that_differs_is_never_decoded(change: Any) -> None:
    media = stored_media()
    key = key_of(media)
    damage.plant(key, change(picture(0)))
    with pytest.raises(Busy, match="not what was stored"):
        run(media)
    assert MediaFact.objects.count() == 0


# --- Others at the same moment


def test_a_result_about_other_bytes_is_dropped() -> None:
    media = stored_media(1)
    old = media.sha256
    upload(media, picture(2))
    media.refresh_from_db()
    run(media, sha256=old)
    assert (Derived.objects.count(), MediaFact.objects.count()) == (0, 0)


@pytest.mark.parametrize("deed", ["replace", "delete"])
def test_what_changes_while_it_is_decoded_wins(settings: Settings, deed: str) -> None:
    media = stored_media(1)
    cues = on_stage(settings)

    def act(key: str) -> None:
        fresh = Media.objects.get(pk=media.pk)
        upload(fresh, picture(2)) if deed == "replace" else actions.delete(fresh, by=NOBODY)

    cues["after put"] = once(act)
    assert derive_now(media, by=NOBODY) is None
    assert (Derived.objects.count(), MediaFact.objects.count()) == (0, 0)
    collect_now()
    assert not StoredObject.objects.filter(key__startswith="derived/").exists()


def test_a_deleted_media_is_left_alone() -> None:
    media = stored_media()
    actions.delete(media, by=NOBODY)
    run(media)
    assert MediaFact.objects.count() == 0


# --- Going with the bytes


def test_replaced_bytes_take_their_small_pictures_along() -> None:
    media = stored_media(1)
    run(media)
    old = set(Derived.objects.values_list("file", flat=True))
    upload(media, picture(2))
    assert (Derived.objects.count(), Fingerprint.objects.count(), MediaFact.objects.count()) == (0, 0, 0)
    collect_now()
    assert not StoredObject.objects.filter(key__in=old).exists()


def test_freed_bytes_take_their_small_pictures_along() -> None:
    media = stored_media(1)
    run(media)
    delete_long_ago(media)
    collect_now()
    assert (Derived.objects.count(), Fingerprint.objects.count(), MediaFact.objects.count()) == (0, 0, 0)
    collect_now()
    assert not StoredObject.objects.filter(key__startswith="derived/").exists()


def test_a_small_picture_lives_as_long_as_one_media_needs_it() -> None:
    one, other = stored_media(1), stored_media(1)
    run(one)
    run(other)
    upload(one, picture(2))
    collect_now()
    assert {row.media_id for row in Derived.objects.all()} == {other.pk}
    for row in Derived.objects.all():
        assert object_store().stat(str(row.file.name)) is not None


# --- Videos


def test_a_video_gets_its_measures_and_a_poster(tmp_path: Path) -> None:
    content = film(tmp_path / "film.mkv").read_bytes()
    media = upload(actions.create(type="video", by=NOBODY), content)
    assert media.duration is None
    run(media)
    assert (media.width, media.height) == (64, 48)
    assert media.duration == pytest.approx(1, abs=0.01)
    fact = MediaFact.objects.get(media=media)
    assert (fact.fps, fact.frames, fact.codec, fact.problems) == (5.0, 5, "mpeg4", [])
    assert Derived.objects.count() == 2
    assert Fingerprint.objects.count() == 0


def test_without_ffmpeg_a_video_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = film(tmp_path / "film.webm").read_bytes()
    media = upload(actions.create(type="video", by=NOBODY), content)
    with monkeypatch.context() as context:
        context.setenv("PATH", str(tmp_path))
        run(media)
        assert MediaFact.objects.get(media=media).problems == [decoder.NO_TOOLS]
        assert told("--missing")["derived"] == 0
    assert told("--missing")["derived"] == 1
    assert MediaFact.objects.get(media=media).problems == []
    assert told("--missing")["derived"] == 0


# --- The command


def told(*options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("derive", *options, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_missing_derives_each_once_and_all_derives_each_again() -> None:
    for seed in range(3):
        stored_media(seed)
    actions.create(by=NOBODY)
    assert told("--missing", "--limit", "2")["derived"] == 2
    assert told("--missing")["derived"] == 1
    assert told("--missing")["derived"] == 0
    assert told("--all")["derived"] == 3


def test_what_was_derived_of_other_bytes_is_missing_again() -> None:
    media = stored_media()
    run(media)
    MediaFact.objects.update(media_sha256="0" * 64)
    assert told("--missing")["derived"] == 1


def test_it_walks_past_the_end_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAGE", 2)
    for seed in range(5):
        stored_media(seed)
    assert told("--missing", "--limit", "3")["derived"] == 3
    assert told("--missing")["derived"] == 2


@pytest.mark.damages_storage
def test_one_that_cannot_be_read_does_not_stop_the_others() -> None:
    first, second = stored_media(1), stored_media(2)
    damage.take_away(key_of(first))
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 media could not be read") as stopped:
        call_command("derive", "--missing", stdout=out)
    assert stopped.value.returncode == 1
    assert f"media {first.pk}: The object of this media is not in the store." in out.getvalue()
    assert MediaFact.objects.get().media_id == second.pk


@pytest.mark.damages_storage
def test_a_store_that_seems_not_to_answer_ends_the_run() -> None:
    for seed in range(5):
        damage.plant(key_of(stored_media(seed)), b"x")
    with pytest.raises(CommandError) as stopped:
        call_command("derive", "--missing", stdout=io.StringIO())
    assert stopped.value.returncode == 2


@pytest.mark.parametrize("options", [[], ["--missing", "--all"], ["--missing", "--limit", "0"]])
def test_a_command_without_sense_is_refused(options: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("derive", *options, stdout=io.StringIO())


# --- The link


def test_the_link_leads_to_the_small_or_the_large_one(cast: Cast) -> None:
    media = upload(actions.create(by=actor(cast.tower)), saved(noise(1600, 900), "JPEG"), by=actor(cast.tower))
    run(media)
    for query, kind in (("", "small"), ("?size=small", "small"), ("?size=large", "large")):
        answer = api(cast.tower).get(f"/api/v1/media/{media.pk}/thumbnail{query}")
        assert answer.status_code == 200
        key = str(Derived.objects.get(media=media, kind=kind).file.name)
        assert key.rpartition("/")[2] in answer.json()["url"]


@pytest.mark.parametrize("query", ["?size=huge", "?size=", "?side=small", "?size=small&size=large"])
def test_another_size_or_parameter_is_refused(cast: Cast, query: str) -> None:
    media = stored_media(by=actor(cast.tower))
    assert api(cast.tower).get(f"/media/{media.pk}/thumbnail{query}").status_code == 422


def test_a_thumbnail_that_is_not_there_is_a_sentence(cast: Cast) -> None:
    ada = api(cast.ada)
    media = actions.create(by=NOBODY)
    address = f"/media/{media.pk}/thumbnail"
    assert ada.get(address).json() == {"detail": "File cannot be found on the bucket storage"}
    media = upload(media, png(100, 100))
    answer = ada.get(address)
    assert (answer.status_code, answer.json()) == (404, {"detail": links.NOT_YET})
    run(media)
    answer = ada.get(address)
    assert (answer.status_code, answer.json()) == (404, {"detail": links.NONE_POSSIBLE})


def test_the_file_is_saved_under_a_name_that_tells_what_it_is() -> None:
    media = stored_media()
    run(media)
    assert links.download_name(Derived.objects.get(kind="small")) == f"media-{media.pk}-small.webp"


def test_ffmpeg_that_is_absent_is_said_at_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pyrostorage_site.checks import videos_can_be_looked_into

    monkeypatch.setenv("PATH", str(tmp_path))
    assert [found.id for found in videos_can_be_looked_into()] == ["pyrostorage.W003"]
    monkeypatch.undo()
    if video.tools():
        assert list(videos_can_be_looked_into()) == []
