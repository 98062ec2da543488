"""The child that reads: what it says, what it survives, and what happens when it does not."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import orjson
import pytest

from curation.formats import wire
from curation.formats.limits import Limits
from curation.formats.parser import BrokeDown, Parser
from curation.formats.refusals import NotOfFormat, TooComplex
from curation.formats.regions import Item, Parsed, PictureSize
from curation.formats.table import FORMATS
from curation.tests.formats import test_coco, test_yolo
from curation.tests.formats.files import content_of, only, read, strays

SIXTY_FOUR_MIB = 64 * 1024  # KiB, as the system counts


@pytest.fixture(scope="module")
def shared() -> Iterator[Parser]:
    with Parser(seconds=60) as parser:
        yield parser


def stored(what: Any, folder: Path) -> IO[bytes]:
    path = folder / "file"
    path.write_bytes(content_of(what))
    return path.open("rb")


def told(parser: Parser, what: Any, folder: Path, **options: Any) -> list[Item]:
    with stored(what, folder) as file:
        return list(parser.read(file, **options))


def pid_of(parser: Parser) -> int:
    assert parser.pid is not None
    return parser.pid


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("yolo", test_yolo.GOOD * 3 + "nonsense\n"),
        ("yolo", ""),
        ("coco", test_coco.coco(test_coco.BOX, {**test_coco.BOX, "segmentation": [test_coco.RING], "note": "é"}, 7)),
    ],
)
def test_the_child_says_what_the_reader_says(shared: Parser, name: str, what: Any, tmp_path: Path) -> None:
    assert told(shared, what, tmp_path) == told(shared, what, tmp_path, format_=FORMATS[name]) == read(name, what)


def test_names_sizes_and_limits_reach_the_child(shared: Parser, tmp_path: Path) -> None:
    parsed = only(told(shared, test_yolo.GOOD, tmp_path, names={0: "smoke"}, picture=PictureSize(4, 3)))
    assert (parsed.regions[0].label, parsed.picture.size) == ("smoke", (4, 3))
    with pytest.raises(TooComplex, match="more than 1 regions"):
        told(shared, test_yolo.GOOD * 2, tmp_path, limits=Limits(regions=1))


def test_the_report_counts_what_was_read(shared: Parser, tmp_path: Path) -> None:
    seen = {**test_coco.BOX, "score": 0.5}
    with stored(test_coco.coco(test_coco.BOX, seen, 7, {**seen, "bbox": []}), tmp_path) as file:
        reading = shared.read(file)
        items = list(reading)
    assert len(strays(items)) == 1
    assert (reading.format.name, reading.report.names, reading.report.is_prediction) == ("coco", {3: "smoke"}, True)
    assert reading.report.as_json() == {
        "format": "coco", "version": 1, "pictures": 1, "regions": 2, "predictions": 1, "problems_count": 2,
        "problems": [
            {"where": "annotations[2]", "sentence": "It is not an object, and is left out."},
            {"where": "annotations[3]", "sentence": "The bbox is not 4 numbers; the annotation is left out."},
        ],
    }  # fmt: skip


def test_a_refusal_costs_no_child(shared: Parser, tmp_path: Path) -> None:
    told(shared, "", tmp_path)
    child = pid_of(shared)
    for what in ("hello", b"\xff\xd8\xff", "{}", '{"images": [{"file_name": "a"}', "<annotation>"):
        with pytest.raises(NotOfFormat):
            told(shared, what, tmp_path)
    assert only(told(shared, test_yolo.GOOD, tmp_path)).regions
    assert pid_of(shared) == child


def test_an_answer_that_nobody_took_is_not_the_next_ones(shared: Parser, tmp_path: Path) -> None:
    images = [{**test_coco.IMAGE, "id": id_} for id_ in range(20_000)]
    with stored(test_coco.coco(images=images), tmp_path) as file:
        items = iter(shared.read(file))
        next(items)
    assert len(only(told(shared, test_yolo.GOOD * 2, tmp_path)).regions) == 2


def test_a_file_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    tasks = b'[{"data": {"image": "a"}, "annotations": [{"result": [' + b"[[[]]]," * 500_000 + b"0]}]}]"
    with Parser(memory=120 * 1024 * 1024, seconds=60) as parser:
        with pytest.raises(TooComplex, match="more memory"):
            told(parser, tasks, tmp_path, format_=FORMATS["labelstudio"])
        assert only(told(parser, test_yolo.GOOD, tmp_path)).regions


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    with Parser(cpu=0, seconds=60) as parser, pytest.raises(TooComplex, match="more than 0 seconds"):
        told(parser, b'{"images": [' + b"[]," * 4_000_000 + b"0]}", tmp_path, format_=FORMATS["coco"])


def test_a_child_that_hangs_is_ended(tmp_path: Path) -> None:
    with Parser(seconds=0.3) as parser:
        parser.start()
        child = pid_of(parser)
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(BrokeDown, match=r"longer than 0\.3 seconds"):
            told(parser, test_yolo.GOOD, tmp_path)
        assert not Path(f"/proc/{child}").exists()


def test_a_child_that_dies_is_replaced(tmp_path: Path) -> None:
    with Parser(seconds=60) as parser:
        parser.start()
        child = pid_of(parser)
        os.kill(child, signal.SIGKILL)
        with pytest.raises(BrokeDown, match="broke down"):
            told(parser, test_yolo.GOOD, tmp_path)
        assert only(told(parser, test_yolo.GOOD, tmp_path)).regions
        assert pid_of(parser) != child
        last = pid_of(parser)
    assert not Path(f"/proc/{last}").exists()


def test_the_child_is_confined(shared: Parser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "never to be seen")
    shared.close()
    told(shared, "", tmp_path)
    home = Path(f"/proc/{pid_of(shared)}")
    environment = home.joinpath("environ").read_bytes()
    assert b"never" not in environment
    assert {line.split(b"=")[0] for line in environment.split(b"\0") if line} == {b"TMPDIR"}
    opened = {str(link.readlink()).partition(":")[0] for link in home.joinpath("fd").iterdir()}
    assert opened <= {"/dev/null", "socket", str(tmp_path / "file")}
    limits = {line[:26].strip(): line[26:].split()[0] for line in home.joinpath("limits").read_text().splitlines()}
    assert (limits["Max address space"], limits["Max core file size"]) == (str(1 << 30), "0")
    assert int(limits["Max cpu time"]) <= 25
    assert "django" not in home.joinpath("maps").read_text()


@pytest.mark.parametrize(
    "said",
    [
        b"[]\n",
        b"{}\n",
        b"nonsense\n",
        b"x" * 100,
        b'["z"]\n',
        b'["x"]\n',
        b'["n", {"a": "b"}]\n',
        b'["r", {}, ""]\n',
        b'["p", {"path": 7}]\n',
        b'["p", {"more": 1}]\n',
        b'["p", {"width": -1}]\n["d", 0]\n',
        b'["p", {}]\n["."]\n',
        b'["p", {}]\n["w", 1, 2]\n',
        b'["p", {}]\n["r", {"kind": "box", "x1": 0, "y1": 0, "x2": 2, "y2": 1}, ""]\n',
    ],
)
def test_a_child_that_was_taken_over_is_not_believed(said: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(wire.Broken):
            list(wire.items(wire.lines(ours, 5.0)))


def test_a_line_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LONGEST_LINE", 1_000_000)
    ours, theirs = socket.socketpair()

    def flood() -> None:
        with suppress(OSError):
            theirs.sendall(b"x" * 10_000_000)

    talker = threading.Thread(target=flood)
    with ours, theirs:
        talker.start()
        with pytest.raises(wire.Broken):
            next(wire.lines(ours, 5.0))
        ours.close()
        talker.join(5)
    assert not talker.is_alive()


def test_half_a_line_waits_for_the_other_half() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for piece in (b'["a', b'b"]\n["c"', b"]\n"):
            theirs.sendall(piece)
        heard = wire.lines(ours, 5.0)
        assert [next(heard), next(heard)] == [["ab"], ["c"]]


# --- Many boxes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COCO with 200,000 boxes in 20,000 pictures, scattered, the annotations before the images."""
    chance, path = random.Random(1), tmp_path_factory.mktemp("coco") / "many.json"
    with path.open("wb") as file:
        file.write(b'{"annotations": [')
        for number in range(200_000):
            box = [chance.randrange(1200), chance.randrange(700), chance.randrange(1, 60), chance.randrange(1, 20)]
            said = {"id": number, "image_id": chance.randrange(20_000), "category_id": 1, "bbox": box, "iscrowd": 0}
            file.write((b", " if number else b"") + orjson.dumps(said))
        names = (f"force-06_ferion-142_2024-01-07T15-54-34_{id_}.jpg" for id_ in range(20_000))
        images = [{"id": id_, "file_name": name, "width": 1280, "height": 720} for id_, name in enumerate(names)]
        file.write(b'], "images": ' + orjson.dumps(images) + b', "categories": [{"id": 1, "name": "smoke"}]}')
    return path


def test_two_hundred_thousand_boxes_are_read_in_64_mib(many: Path) -> None:
    """As a million are: the benchmark has that."""
    with Parser(cpu=200, seconds=300) as parser, many.open("rb") as file:
        reading = parser.read(file)
        most = max(len(item.regions) for item in reading if isinstance(item, Parsed))
        peak = highest_memory(pid_of(parser))
    assert (reading.report.pictures, reading.report.regions) == (20_000, 200_000)
    assert reading.report.problems_count == 0
    assert most < 100
    assert peak <= SIXTY_FOUR_MIB


def highest_memory(pid: int) -> int:
    """KiB of memory that a process ever had at once."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0])
