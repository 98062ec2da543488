"""The child that decodes: what it finds out, what it survives, and what happens when it does not."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pytest
from PIL import Image

from curation.imaging import child, decoder, sniff, video, wire
from curation.imaging.decoder import AtWork, Decoder, Found
from curation.imaging.dhash import dhash
from curation.tests.imaging_files import chunk, exif, film, noise, png, samples, saved

PNG_START = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def shared() -> Iterator[Decoder]:
    """One decoder for tests that leave its child alive."""
    decoding = Decoder()
    yield decoding
    decoding.close()


@pytest.fixture
def own() -> Iterator[Decoder]:
    decoding = Decoder()
    yield decoding
    decoding.close()


def stored(content: bytes, folder: Path) -> IO[bytes]:
    path = folder / "file"
    path.write_bytes(content)
    return path.open("rb")


def ask(decoding: Decoder, content: bytes, folder: Path, **limits: int) -> Found:
    with stored(content, folder) as file:
        return decoding.picture(file, **limits)


def flat_png(width: int, height: int) -> bytes:
    """A real grey picture of any size, at no cost."""
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_START + header + chunk(b"IDAT", rows) + chunk(b"IEND")


# --- What is found out


def test_a_picture_comes_back_small_upright_and_fingerprinted(shared: Decoder, tmp_path: Path) -> None:
    image = noise(1600, 900)
    found = ask(shared, saved(image, "PNG", exif=exif(6)), tmp_path)
    assert (found.width, found.height, found.orientation, found.problems) == (900, 1600, 6, ())
    assert [(small.kind, small.width, small.height) for small in found.small_pictures] == [
        ("small", 180, 320),
        ("large", 720, 1280),
    ]
    with Image.open(BytesIO(found.small_pictures[1].content)) as large:
        assert (large.format, large.size) == ("WEBP", (720, 1280))


def test_the_hashes_are_those_of_the_upright_picture(shared: Decoder, tmp_path: Path) -> None:
    image = noise(200, 100)
    found = ask(shared, saved(image, "PNG", exif=exif(3)), tmp_path)
    turned = image.transpose(Image.Transpose.ROTATE_180)
    assert found.dhash64 == dhash(turned, 8)
    assert int.from_bytes(found.dhash256 or b"", "big") == dhash(turned, 16)


def test_the_real_photographs_tell_when_and_where(shared: Decoder) -> None:
    (path,) = samples("D_exif_samples", "DSCN0010.jpg")
    with path.open("rb") as file:
        found = shared.picture(file)
    assert (found.taken_at, found.has_offset) == (datetime(2008, 10, 22, 16, 28, 39, tzinfo=UTC), False)
    assert found.latitude == pytest.approx(43 + 28 / 60 + 2.81 / 3600, abs=1e-5)
    assert found.longitude == pytest.approx(11 + 53 / 60 + 6.46 / 3600, abs=1e-5)
    assert found.camera_model == "COOLPIX P6000"


def test_the_real_pictures_of_all_orientations_look_the_same(shared: Decoder) -> None:
    hashes = []
    for path in samples("D_exif_samples", "landscape_*.jpg"):
        with path.open("rb") as file:
            found = shared.picture(file)
        assert (found.width, found.height) == (600, 450)
        hashes.append(int.from_bytes(found.dhash256 or b"", "big"))
    assert len(hashes) == 8
    assert max((one ^ hashes[0]).bit_count() for one in hashes) <= 10


def test_the_real_pictures_with_broken_exif_are_drawn(shared: Decoder) -> None:
    for path in samples("D_exif_samples", "image0*.jpg"):
        with path.open("rb") as file:
            found = shared.picture(file)
        assert (len(found.small_pictures), found.taken_at) == (2, None), path.name


def test_the_real_video_is_measured(shared: Decoder) -> None:
    (path,) = samples("C_pyronear_video", "*.mp4")
    with path.open("rb") as file:
        found = shared.video(file, "mp4", tools())
    assert (found.width, found.height, found.duration) == (1280, 720, 7.5)
    assert (found.fps, found.frames, found.codec, found.problems) == (24.0, 180, "h264", ())
    assert [(small.width, small.height) for small in found.small_pictures] == [(320, 180), (1280, 720)]


def tools() -> video.Tools:
    found = video.tools()
    if found is None:
        pytest.skip("needs ffmpeg")
    return found


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm", "avi"])
def test_every_container_is_measured_and_gives_a_poster(shared: Decoder, tmp_path: Path, extension: str) -> None:
    with film(tmp_path / f"film.{extension}").open("rb") as file:
        found = shared.video(file, extension, tools())
    assert (found.width, found.height, found.frames, found.fps) == (64, 48, 5, 5.0)
    assert found.duration == pytest.approx(1, abs=0.01)
    assert [(small.width, small.height) for small in found.small_pictures] == [(64, 48), (64, 48)]
    assert found.dhash64 is None


def test_a_video_that_lies_on_its_side_is_measured_upright(shared: Decoder, tmp_path: Path) -> None:
    flat = film(tmp_path / "flat.mp4")
    turned = tmp_path / "turned.mp4"
    command = [tools().ffmpeg, "-v", "error", "-i", str(flat), "-c", "copy", "-metadata:s:v", "rotate=90", str(turned)]
    subprocess.run(command, check=True, timeout=60)
    with turned.open("rb") as file:
        found = shared.video(file, "mp4", tools())
    assert (found.width, found.height) == (48, 64)
    assert [(small.width, small.height) for small in found.small_pictures] == [(48, 64), (48, 64)]


def test_without_ffmpeg_nothing_is_found_out_and_that_is_said(shared: Decoder, tmp_path: Path) -> None:
    with stored(b"", tmp_path) as file:
        assert shared.video(file, "mp4", None) == Found(problems=(decoder.NO_TOOLS,), lacked_tools=True)


def test_the_programs_are_looked_for_where_path_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert video.tools() is None
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert video.tools() == (str(tmp_path / "ffprobe"), str(tmp_path / "ffmpeg"))


# --- Limits, both sides


def test_fifty_megapixels_are_drawn_and_one_row_more_are_not(shared: Decoder, tmp_path: Path) -> None:
    most = ask(shared, flat_png(10_000, 5_000), tmp_path)
    assert (most.problems, len(most.small_pictures)) == ((), 2)
    more = ask(shared, flat_png(10_000, 5_001), tmp_path)
    assert more.problems == ("The picture has 50010000 pixels (10000 x 5001); it may have 50000000 at most.",)
    assert more.small_pictures == ()


def test_fifty_megapixels_of_colour_with_alpha_fit_into_the_childs_memory(own: Decoder, tmp_path: Path) -> None:
    found = ask(own, saved(Image.new("RGBA", (10_000, 5_000), (9, 9, 9, 9)), "PNG", compress_level=1), tmp_path)
    assert (found.problems, len(found.small_pictures)) == ((), 2)


def test_a_side_may_be_just_so_long(shared: Decoder, tmp_path: Path) -> None:
    longest = ask(shared, flat_png(sniff.MAX_SIDE, 1), tmp_path)
    assert [(small.width, small.height) for small in longest.small_pictures] == [(320, 1), (1280, 1)]
    assert "a side may have" in ask(shared, flat_png(sniff.MAX_SIDE + 1, 1), tmp_path).problems[0]


def test_a_bomb_whose_header_lies_costs_nothing(shared: Decoder, tmp_path: Path) -> None:
    """The header claims 49 megapixels, the data are one row."""
    assert ask(shared, png(7_000, 7_000), tmp_path).problems == (child.BROKEN,)


def test_what_needs_more_memory_than_allowed_is_said_and_the_child_lives(tmp_path: Path) -> None:
    small = Decoder(memory=100 * 1024 * 1024)
    try:
        found = ask(small, saved(Image.new("RGB", (8000, 6000)), "PNG", compress_level=1), tmp_path)
        assert found.problems == (child.NO_MEMORY,)
        assert (found.width, found.height) == (8000, 6000)
        pid = small.pid
        assert ask(small, saved(noise(), "PNG"), tmp_path).problems == ()
        assert small.pid == pid
    finally:
        small.close()


# --- Broken and hostile files


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_picture_cut_anywhere_gives_a_sentence_and_no_picture(shared: Decoder, tmp_path: Path, form: str) -> None:
    whole = saved(noise(64, 48).convert("P" if form == "GIF" else "RGB"), form)
    for length in range(0, len(whole) - 16, max(1, len(whole) // 12)):
        found = ask(shared, whole[:length], tmp_path)
        assert found.small_pictures == () or form == "TIFF", length  # a TIFF keeps its directory where it likes
        assert found.problems or found.small_pictures, length


def test_a_picture_with_its_middle_overwritten_gives_a_sentence_or_a_picture(shared: Decoder, tmp_path: Path) -> None:
    whole = saved(noise(64, 48), "JPEG")
    for place in range(2, len(whole) - 64, 97):
        found = ask(shared, whole[:place] + bytes(64) + whole[place + 64 :], tmp_path)
        assert found.problems or found.small_pictures, place


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        PLAYLIST,
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + PLAYLIST,
        b"\x1a\x45\xdf\xa3" + b"\xff" * 4000,
        b"RIFF\xff\xff\xff\x7fAVI LIST" + b"\xff" * 4000,
    ],
    ids=["empty", "zeros", "playlist", "concat", "playlist as mp4", "matroska", "avi"],
)
@pytest.mark.parametrize("container", ["mp4", "mkv", "avi"])
def test_a_hostile_video_gives_a_sentence_and_no_picture(
    shared: Decoder, tmp_path: Path, content: bytes, container: str
) -> None:
    with stored(content, tmp_path) as file:
        found = shared.video(file, container, tools())
    assert found.small_pictures == ()
    assert found.problems == (video.NO_STREAM,)


def test_a_video_that_claims_to_be_huge_costs_a_sentence(shared: Decoder, tmp_path: Path) -> None:
    content = film(tmp_path / "film.mp4").read_bytes().replace(b"\0\x40\0\x30", b"\xff\xff\xff\xff")
    with stored(content, tmp_path) as file:
        found = shared.video(file, "mp4", tools())
    assert found.problems or len(found.small_pictures) == 2


def test_a_tool_that_hangs_is_stopped_and_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "SECONDS", 1.0)
    mark = tmp_path / "pid"
    hanging = tmp_path / "ffprobe"
    hanging.write_text(f"#!/bin/sh\necho $$ > {mark}\nexec sleep 60\n")
    hanging.chmod(0o755)
    patient = Decoder()
    with stored(b"", tmp_path) as file:
        found = patient.video(file, "mp4", video.Tools(str(hanging), str(hanging)))
    assert found.problems == ("Decoding took longer than 1 seconds and was stopped.",)
    assert patient.pid is None
    assert is_gone(int(mark.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process ended; as an orphan it may be a zombie of whoever adopted it."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


# --- Children that die


def test_a_child_that_was_killed_is_replaced(own: Decoder, tmp_path: Path) -> None:
    content = saved(noise(), "JPEG")
    first = ask(own, content, tmp_path)
    killed = own.pid or 0
    os.kill(killed, signal.SIGKILL)
    assert ask(own, content, tmp_path) == first
    assert own.pid != killed
    assert not Path(f"/proc/{killed}").exists()


def test_a_child_that_hangs_is_killed_and_the_next_picture_is_drawn(tmp_path: Path) -> None:
    hasty = Decoder(seconds=1.5)
    content = saved(noise(), "JPEG")
    ask(hasty, content, tmp_path)
    stopped = hasty.pid or 0
    os.kill(stopped, signal.SIGSTOP)
    started = time.monotonic()
    found = ask(hasty, content, tmp_path)
    assert time.monotonic() - started < 5
    assert found == Found(problems=("Decoding took longer than 1.5 seconds and was stopped.",))
    assert not Path(f"/proc/{stopped}").exists()
    assert len(ask(hasty, content, tmp_path).small_pictures) == 2
    hasty.close()


def test_a_file_that_kills_its_child_twice_is_given_up(own: Decoder, tmp_path: Path) -> None:
    """Every child dies here, and each is asked once."""
    born: list[int] = []

    def kill_each() -> None:
        while len(born) < 2:
            pid = own.pid
            if pid and pid not in born:
                os.kill(pid, signal.SIGKILL)
                born.append(pid)
            time.sleep(0.001)

    killer = threading.Thread(target=kill_each)
    killer.start()
    found = ask(own, saved(noise(2000, 2000), "PNG"), tmp_path)
    killer.join()
    assert found == Found(problems=(decoder.BROKE_DOWN,))


def test_a_child_is_replaced_when_it_is_worn_out(tmp_path: Path) -> None:
    short_lived = Decoder(lasts=2)
    content = saved(noise(), "JPEG")
    pids = [ask(short_lived, content, tmp_path) and short_lived.pid for _ in range(4)]
    short_lived.close()
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_who_waits_too_long_for_the_child_is_told(tmp_path: Path) -> None:
    hasty = Decoder(seconds=0.1)
    hasty._lock.acquire()
    with pytest.raises(AtWork):
        ask(hasty, b"", tmp_path)


def test_threads_share_the_child_one_after_the_other(own: Decoder, tmp_path: Path) -> None:
    contents = {n: saved(noise(100 + n, 80), "JPEG") for n in range(6)}
    found: dict[int, Found] = {}

    def draw(n: int) -> None:
        (tmp_path / str(n)).mkdir()
        found[n] = ask(own, contents[n], tmp_path / str(n))

    threads = [threading.Thread(target=draw, args=(n,)) for n in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: answer.width for n, answer in found.items()} == {n: 100 + n for n in contents}


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from curation.imaging.decoder import Decoder; d = Decoder();"
        "d.picture(open(sys.argv[1], 'rb')); print(d.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    (tmp_path / "a.png").write_bytes(saved(noise(), "PNG"))
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / "a.png")]
    ended = subprocess.run(command, cwd=decoder.ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert is_gone(int(ended.stdout))


# --- What the child is given


def test_the_child_has_no_environment_no_descriptors_and_its_limits(own: Decoder, tmp_path: Path) -> None:
    os.environ["CANARY_SECRET"] = "canary-7f3a"
    secret = (tmp_path / "secret").open("w")
    os.set_inheritable(secret.fileno(), True)
    try:
        ask(own, saved(noise(), "PNG"), tmp_path)
        process = Path(f"/proc/{own.pid}")
        assert (process / "environ").read_bytes() == b""
        assert len(list((process / "fd").iterdir())) == 4  # the three standard ones, and its socket
        limits = (process / "limits").read_text()
    finally:
        secret.close()
        del os.environ["CANARY_SECRET"]
    assert _limit(limits, "Max address space") == decoder.MEMORY
    assert _limit(limits, "Max file size") == child.WRITTEN
    assert _limit(limits, "Max core file size") == 0
    assert child.CPU_SECONDS < _limit(limits, "Max cpu time") <= child.CPU_SECONDS + 5


def _limit(limits: str, name: str) -> int:
    line = next(line for line in limits.splitlines() if line.startswith(name))
    return int(line.removeprefix(name).split()[0])


def test_tools_have_no_environment_and_their_limits(own: Decoder, tmp_path: Path) -> None:
    spy = tmp_path / "ffprobe"
    spy.write_text(f"#!/bin/sh\ncat /proc/$$/environ > {tmp_path}/environ\ncat /proc/$$/limits > {tmp_path}/limits\n")
    spy.chmod(0o755)
    with stored(b"", tmp_path) as file:
        own.video(file, "mp4", video.Tools(str(spy), str(spy)))
    assert (tmp_path / "environ").read_bytes() == b""
    limits = (tmp_path / "limits").read_text()
    assert _limit(limits, "Max address space") == video.MEMORY
    assert _limit(limits, "Max cpu time") == video.CPU_SECONDS
    assert _limit(limits, "Max file size") == child.WRITTEN


def test_the_child_imports_neither_django_nor_the_settings() -> None:
    program = "import sys, curation.imaging.child; print([n for n in sys.modules if n.split('.')[0] in sys.argv])"
    command = [sys.executable, "-c", program, "django", "pyrostorage_site", "rest_framework", "boto3", "accounts"]
    ended = subprocess.run(command, cwd=decoder.ROOT, env={}, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"problems": "none"},
        {"problems": [], "width": -1},
        {"problems": [], "width": "many"},
        {"problems": [], "width": True},
        {"problems": [], "latitude": 91},
        {"problems": [], "latitude": float("nan")},
        {"problems": [], "taken_at": "tomorrow"},
        {"problems": [], "dhash256": "f" * 65},
        {"problems": [], "dhash64": "none"},
        {"problems": [7]},
        {"problems": [], "sizes": [[1, 1]]},
        {"problems": [], "camera_model": ["x"]},
    ],
)
def test_a_child_that_was_taken_over_is_not_believed(told: dict[str, Any]) -> None:
    with pytest.raises(wire.Broken):
        decoder._found(told, [])


def test_small_pictures_must_be_webp_of_the_size_that_is_told() -> None:
    blobs = [saved(noise(20, 10), "WEBP"), saved(noise(40, 20), "WEBP")]
    told: dict[str, Any] = {"problems": [], "sizes": [[20, 10], [40, 20]]}
    assert len(decoder._found(told, blobs).small_pictures) == 2
    for lies in ([[20, 10], [40, 21]], [[20, 10]]):
        with pytest.raises(wire.Broken):
            decoder._found(told | {"sizes": lies}, blobs)
    with pytest.raises(wire.Broken):
        decoder._found(told, [blobs[0], saved(noise(40, 20), "JPEG")])
