"""What a video is told to be, and the relatives that are none."""

import struct
from io import BytesIO
from pathlib import Path

import pytest

from curation.imaging.sniff import Content, CutShort, Unreadable, identify
from curation.tests.imaging_files import box, film

CONTENT_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
}
ISOM = box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")
MEDIA = box(b"mdat", bytes(100))


def told(data: bytes) -> Content:
    return identify(BytesIO(data))


def tkhd(width: int = 64, height: int = 48, *, version: int = 0, turned: bool = False) -> bytes:
    times = bytes(32 if version else 20)
    one = 0x10000
    matrix = (0, one, 0, -one, 0, 0, 0, 0, one << 14) if turned else (one, 0, 0, 0, one, 0, 0, 0, one << 14)
    body = struct.pack(">9iII", *matrix, width << 16, height << 16)
    return box(b"tkhd", bytes([version, 0, 0, 0]), times, bytes(16), body)


def mvhd(scale: int, length: int, *, version: int = 0) -> bytes:
    times = bytes(16) + struct.pack(">IQ", scale, length) if version else bytes(8) + struct.pack(">II", scale, length)
    return box(b"mvhd", bytes([version, 0, 0, 0]), times, bytes(80))


def movie(*inside: bytes) -> Content:
    return told(ISOM + box(b"moov", *inside) + MEDIA)


@pytest.mark.parametrize("extension", ["mp4", "mov"])
def test_an_mp4_or_a_mov_is_measured(extension: str, tmp_path: Path) -> None:
    content = told(film(tmp_path / f"clip.{extension}").read_bytes())
    assert content == Content("video", CONTENT_TYPES[extension], extension, 64, 48, None, 1.0)


@pytest.mark.parametrize("extension", ["mkv", "webm", "avi"])
def test_other_containers_are_told_but_not_measured(extension: str, tmp_path: Path) -> None:
    content = told(film(tmp_path / f"clip.{extension}").read_bytes())
    assert content == Content("video", CONTENT_TYPES[extension], extension, None, None, None, None)


def test_the_place_of_moov_does_not_matter(tmp_path: Path) -> None:
    late, early = film(tmp_path / "late.mp4"), film(tmp_path / "early.mp4", "-movflags", "faststart")
    assert late.read_bytes().index(b"moov") > late.read_bytes().index(b"mdat")
    assert early.read_bytes().index(b"moov") < early.read_bytes().index(b"mdat")
    assert told(late.read_bytes()) == told(early.read_bytes())


def test_a_fragmented_recording_is_kept_without_a_duration(tmp_path: Path) -> None:
    content = told(film(tmp_path / "clip.mp4", "-movflags", "frag_keyframe+empty_moov").read_bytes())
    assert (content.extension, content.width, content.duration) == ("mp4", 64, None)


def test_a_live_recording_of_unknown_length_is_kept(tmp_path: Path) -> None:
    assert told(film(tmp_path / "clip.mkv", "-live", "1").read_bytes()).extension == "mkv"


def test_an_old_mov_without_ftyp_is_told(tmp_path: Path) -> None:
    data = film(tmp_path / "clip.mov").read_bytes()
    old = data[int.from_bytes(data[:4], "big") :]
    assert old[4:8] == b"wide"
    assert told(old).content_type == "video/quicktime"


@pytest.mark.parametrize(
    ("brand", "others", "extension"),
    [
        (b"isom", b"", "mp4"),
        (b"iso6", b"", "mp4"),
        (b"mp42", b"", "mp4"),
        (b"avc1", b"", "mp4"),
        (b"M4V ", b"", "mp4"),
        (b"XAVC", b"XAVCmp42iso2", "mp4"),
        (b"3gp4", b"isom3gp4", "mp4"),
        (b"qt  ", b"", "mov"),
        (b"qt  ", b"isommp42", "mov"),
    ],
)
def test_the_brand_tells_mp4_from_mov(brand: bytes, others: bytes, extension: str) -> None:
    start = box(b"ftyp", brand, bytes(4), others)
    assert told(start + box(b"moov") + MEDIA).extension == extension


@pytest.mark.parametrize(
    ("brand", "others", "sentence"),
    [
        (b"heic", b"mif1heic", "a HEIC or AVIF picture"),
        (b"mif1", b"heicisom", "a HEIC or AVIF picture"),
        (b"avif", b"mif1miaf", "a HEIC or AVIF picture"),
        (b"avis", b"iso8", "a HEIC or AVIF picture"),
        (b"M4A ", b"isommp42", "a sound recording"),
        (b"jp2 ", b"jp2 ", "a relative of MP4 that we do not keep"),
        (b"????", b"", "a relative of MP4 that we do not keep"),
    ],
)
def test_a_relative_of_mp4_is_refused_by_name(brand: bytes, others: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        told(box(b"ftyp", brand, bytes(4), others) + box(b"moov") + MEDIA)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    "data",
    [
        ISOM,
        ISOM + MEDIA,
        ISOM + box(b"moov"),
        ISOM + box(b"moov") + MEDIA[:-1],
        ISOM + MEDIA + box(b"moov")[:-1],
        ISOM + b"\0\0\0\0mdat" + bytes(99),
        ISOM + b"\0\0\0\1mdat\0\0\0",
        ISOM[:20],
        b"\0\0\0\x08wide" + MEDIA,
    ],
)
def test_a_recording_that_is_not_complete_is_said_to_be_cut(data: bytes) -> None:
    with pytest.raises(CutShort, match="looks cut short"):
        told(data)


def test_media_up_to_the_end_of_the_file_and_64_bit_sizes_are_understood() -> None:
    movie_box = box(b"moov", mvhd(10, 25))
    assert told(ISOM + movie_box + b"\0\0\0\0mdat" + bytes(99)).duration == 2.5
    assert told(ISOM + b"\0\0\0\1mdat" + struct.pack(">Q", 26) + bytes(10) + movie_box).duration == 2.5


@pytest.mark.parametrize("padding", [bytes(4), bytes(4096), b"\0\0\0\5junk" + bytes(9), b"\xff" * 64])
def test_what_recorders_append_after_the_last_box_is_tolerated(padding: bytes) -> None:
    assert told(ISOM + box(b"moov") + MEDIA + padding).extension == "mp4"


def test_a_file_without_a_brand_is_broken() -> None:
    with pytest.raises(Unreadable, match="it does not name its brand"):
        told(box(b"ftyp", b"isom") + box(b"moov") + MEDIA)


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_of_the_movie_and_track_headers_are_read(version: int) -> None:
    content = movie(mvhd(600, 1500, version=version), box(b"trak", tkhd(1280, 720, version=version)))
    assert (content.width, content.height, content.duration) == (1280, 720, 2.5)


def test_a_turned_track_is_measured_upright() -> None:
    content = movie(box(b"trak", tkhd(1280, 720, turned=True)))
    assert (content.width, content.height) == (720, 1280)


def test_the_track_of_the_sound_is_passed_over() -> None:
    assert movie(box(b"trak", tkhd(0, 0)), box(b"trak"), box(b"trak", tkhd(64, 48))).width == 64


@pytest.mark.parametrize(
    "header",
    [
        mvhd(0, 1500),
        mvhd(600, 0),
        mvhd(600, 0xFFFF_FFFF),
        mvhd(600, 0xFFFF_FFFF_FFFF_FFFF, version=1),
        box(b"mvhd"),
        box(b"mvhd", bytes(8)),
        b"",
    ],
)
def test_a_duration_that_is_not_told_is_none(header: bytes) -> None:
    assert movie(header).duration is None


@pytest.mark.parametrize("track", [box(b"tkhd"), tkhd()[:-1], b"\xff\xff\xff\xfftkhd", tkhd(0, 48), b"\0\0\0\3tkhd"])
def test_a_broken_track_refuses_no_video(track: bytes) -> None:
    content = movie(mvhd(600, 1500), box(b"trak", track))
    assert (content.width, content.height, content.duration) == (None, None, 2.5)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x1a\x45\xdf\xa3\x84\x42\x82\x81x", "a relative of Matroska that we do not keep"),
        (b"\x1a\x45\xdf\xa3\x80" + bytes(20), "a relative of Matroska that we do not keep"),
        (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + b"\xec\x80", "no segment follows its header"),
        (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm", "looks cut short"),
        (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x85", "looks cut short"),
        (b"\x1a\x45\xdf\xa3\x83\x42\x82\xff", "its header does not end"),
        (b"\x1a\x45\xdf\xa3\x82\x00\x00", "a number that is too long"),
        (b"RIFF\x20\0\0\0AVI JUNK" + bytes(20), "it does not begin with its header list"),
        (b"RIFF\xff\xff\0\0AVI LIST\4\0\0\0hdrl", "looks cut short"),
    ],
)
def test_a_broken_matroska_or_avi_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        told(data)
    assert sentence in str(refusal.value)


def test_an_avi_whose_recorder_could_not_write_its_length_is_kept() -> None:
    assert told(b"RIFF\0\0\0\0AVI LIST\4\0\0\0hdrl" + bytes(99)).extension == "avi"


def test_a_padded_document_type_and_an_exact_segment_are_understood() -> None:
    assert told(b"\x1a\x45\xdf\xa3\x88\x42\x82\x85webm\0\x18\x53\x80\x67\x82ab").extension == "webm"


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"[Script Info]\nTitle: x\n",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(99),
        b"FLV\x01\x05" + bytes(99),
        b"\0\0\1\xba" + bytes(99),
        b"G@\0\x10" + bytes(184),
        b"OggS" + bytes(99),
    ],
)
def test_playlists_and_other_containers_are_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="a video mp4, mov, mkv, webm or avi"):
        told(data)
