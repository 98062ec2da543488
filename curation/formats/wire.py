"""How the parser and its child speak.

There: a length, a JSON object, and an open file. Back: lines of JSON, each a list of a letter and what it announces:
`f` the format, `n` names by class, `p` a picture, `r` a region of it, `w` a problem of it, `d` its end, `x` a problem
of no picture; at the end `.`, or `!` with the reason why nothing that was said counts.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any, Final

import orjson

from curation.formats.regions import (
    Classes,
    Item,
    Parsed,
    PictureRef,
    Problem,
    as_json,
    from_json,
)

LENGTH: Final = struct.Struct(">I")
LONGEST_LINE: Final = 16 * 1024 * 1024  # bytes; a polygon may have 100,000 points
PIECE: Final = 256 * 1024  # bytes sent or received at once


class Broken(Exception):
    """The other side is gone, or says what it must not."""


# --- Asking ------------------------------------------------------------------------------------------------


def ask(line: socket.socket, request: dict[str, Any], file: int) -> None:
    """Send a request with a descriptor, which the other side then has as well."""
    body = orjson.dumps(request)
    socket.send_fds(line, [LENGTH.pack(len(body))], [file])
    line.sendall(body)


def asked(line: socket.socket) -> tuple[dict[str, Any], int] | None:
    """In the child: the next request with its open file; None when the parent has hung up."""
    length, files, _, _ = socket.recv_fds(line, LENGTH.size, 1)
    if not length:
        return None
    if len(length) != LENGTH.size or len(files) != 1:
        for file in files:
            os.close(file)
        raise Broken
    body = bytearray()
    while len(body) < LENGTH.unpack(length)[0]:
        body += line.recv(PIECE) or _gone()
    return orjson.loads(body), files[0]


def _gone() -> bytes:
    raise Broken


# --- Answering ---------------------------------------------------------------------------------------------


def lines_of(item: Item) -> Iterator[bytes]:
    """Say one item."""
    if isinstance(item, Parsed):
        yield _line("p", dict(item.picture._asdict()))
        yield from (_line("r", as_json(region), region.where) for region in item.regions)
        yield from (_line("w", *problem) for problem in item.problems)
        yield _line("d", item.problems_count)
    elif isinstance(item, Classes):
        yield _line("n", {str(number): name for number, name in item.names.items()})
    else:
        yield _line("x", *item)


def format_line(name: str) -> bytes:
    return _line("f", name)


def last_line() -> bytes:
    return _line(".")


def refusal_line(kind: str, sentence: str) -> bytes:
    return _line("!", kind, sentence)


def _line(*said: Any) -> bytes:
    return orjson.dumps(said) + b"\n"


# --- Hearing: a child that was taken over may say anything -------------------------------------------------


def items(said: Iterator[list[Any]]) -> Iterator[Item]:
    """Put the items together again, up to the line that ends them. Raises Broken."""
    try:
        for letter, *rest in said:
            if letter == "p":
                yield _parsed(_picture(rest[0]), said)
            elif letter == "n":
                yield Classes({int(number): _text(name) for number, name in rest[0].items()})
            elif letter == "x":
                yield _problem(rest)
            else:
                raise Broken
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise Broken from error


def _parsed(picture: PictureRef, said: Iterator[list[Any]]) -> Parsed:
    regions, problems = [], []
    for letter, *rest in said:
        if letter == "r":
            regions.append(from_json(rest[0], _text(rest[1])))
        elif letter == "w":
            problems.append(_problem(rest))
        elif letter == "d":
            return Parsed(picture, tuple(regions), tuple(problems), int(rest[0]))
        else:
            break
    raise Broken


def _picture(said: dict[str, Any]) -> PictureRef:
    picture = PictureRef(**said)
    for value in (picture.path, picture.id, picture.sha256):
        _text(value)
    for side in (picture.width, picture.height):
        if side is not None and (type(side) is not int or side < 1):
            raise TypeError
    if not isinstance(picture.attributes, dict):
        raise TypeError
    return picture


def _problem(said: list[Any]) -> Problem:
    where, sentence = said
    return Problem(_text(where), _text(sentence))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def lines(line: socket.socket, seconds: float) -> Iterator[list[Any]]:
    """Each line of an answer. seconds: of waiting for the other side, in all; what our own side takes is not counted.

    Raises TimeoutError, Broken.
    """
    rest = bytearray()
    while True:
        begun = time.monotonic()
        line.settimeout(max(seconds, 0.001))
        try:
            piece = line.recv(PIECE)
        except ConnectionError as error:
            raise Broken from error
        seconds -= time.monotonic() - begun
        *whole, last = piece.split(b"\n")
        if not piece or len(rest) + len(whole[0] if whole else last) > LONGEST_LINE:
            raise Broken
        for text in whole:
            yield _understood(bytes(rest + text) if rest else text)
            rest.clear()
        rest += last


def _understood(text: bytes) -> list[Any]:
    try:
        said = orjson.loads(text)
    except ValueError as error:
        raise Broken from error
    if not isinstance(said, list) or not said:
        raise Broken
    return said
