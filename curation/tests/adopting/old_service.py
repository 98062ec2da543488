"""A pyro-storage 0.1 to be taken over: its tables in a database of their own, its objects in a store."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import bcrypt
import psycopg2  # type: ignore[import-untyped]

from curation.tests.pictures import LABEL, picture

Put = Callable[[str, bytes], object]

PASSWORD, SHORT = "a long enough phrase", "abc"
SAME_IN_BOTH = """
CREATE TABLE accesses (
  id INTEGER PRIMARY KEY, login VARCHAR(80), hashed_password VARCHAR(70) NOT NULL, scope VARCHAR(10)
);
CREATE TABLE media (id INTEGER PRIMARY KEY, bucket_key VARCHAR(250), type VARCHAR(10), created_at TIMESTAMP);
CREATE TABLE annotations (
  id INTEGER PRIMARY KEY, media_id INTEGER, bucket_key VARCHAR(250), created_at TIMESTAMP
);
"""
AS_SQLALCHEMY_MADE_THEM = """
CREATE TYPE accesstype AS ENUM ('user', 'admin');
CREATE TYPE mediatype AS ENUM ('image', 'video');
CREATE TABLE accesses (
  id SERIAL PRIMARY KEY, login VARCHAR(50) UNIQUE, hashed_password VARCHAR(70) NOT NULL, scope accesstype NOT NULL
);
CREATE TABLE media (
  id SERIAL PRIMARY KEY, bucket_key VARCHAR(100), type mediatype, created_at TIMESTAMP DEFAULT now()
);
CREATE TABLE annotations (
  id SERIAL PRIMARY KEY, media_id INTEGER REFERENCES media (id), bucket_key VARCHAR(100),
  created_at TIMESTAMP DEFAULT now()
);
"""
TABLES = ("accesses", "media", "annotations")
MADE_AT = "2023-07-14 10:00:37.868371"


class OldTables(Protocol):
    """A database that a test fills."""

    url: str

    def run(self, statements: str) -> None: ...

    def insert(self, table: str, *rows: tuple[Any, ...]) -> None: ...

    def close(self) -> None: ...


class InSqlite:
    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous=OFF")

    def run(self, statements: str) -> None:
        self._connection.executescript(statements)

    def insert(self, table: str, *rows: tuple[Any, ...]) -> None:
        marks = ",".join("?" * len(rows[0]))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def close(self) -> None:
        self._connection.close()


class InPostgres:
    def __init__(self, url: str) -> None:
        self.url = url  # as settings read it
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def run(self, statements: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statements)

    def insert(self, table: str, *rows: tuple[Any, ...]) -> None:
        marks = f"({','.join(['%s'] * len(rows[0]))})"
        with self._connection.cursor() as cursor:
            values = b",".join(cursor.mogrify(marks, row) for row in rows).decode()
            cursor.execute(f"INSERT INTO {table} VALUES {values}")

    def drop(self) -> None:
        self.run("".join(f"DROP TABLE IF EXISTS {table} CASCADE;" for table in TABLES))

    def close(self) -> None:
        self._connection.close()


@cache
def bcrypted(password: str, rounds: int = 4) -> str:
    """As passlib wrote it, with 12 rounds; fewer are faster and look alike."""
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(rounds)).decode()


def key_of(content: bytes, folder: str = "media", extension: str = "file") -> str:
    """The old client had no extension to send: every key ends with `.file`."""
    return f"{folder}/{hashlib.sha256(content).hexdigest()[:32]}.{extension}"


@dataclass
class OldService:
    """Fills tables and store; remembers what the report must say."""

    tables: OldTables
    put: Put
    findings: set[tuple[str, int, str]] = field(default_factory=set)  # (table, id, code)
    next_id: int = 1

    def media(self, content: bytes | None = None, *codes: str, **columns: Any) -> int:
        """A media with its object. columns: key, type, created_at, stored=False for an object that is not there."""
        row_id, self.next_id = columns.get("id", self.next_id), self.next_id + 1
        key = self._store("media", content, columns)
        row = (row_id, key, columns.get("type", "image"), columns.get("created_at", MADE_AT))
        self.tables.insert("media", row)
        self._expect("media", row_id, codes)
        return int(row_id)

    def annotation(self, media_id: int | None, content: bytes | None = None, *codes: str, **columns: Any) -> int:
        row_id, self.next_id = self.next_id, self.next_id + 1
        key = self._store("annotations", content, columns)
        self.tables.insert("annotations", (row_id, media_id, key, columns.get("created_at", MADE_AT)))
        self._expect("annotations", row_id, codes)
        return row_id

    def access(self, row_id: int, login: str | None, *codes: str, scope: str = "user", hashed: str = "") -> None:
        self.tables.insert("accesses", (row_id, login, hashed or bcrypted(PASSWORD), scope))
        self._expect("accesses", row_id, codes)

    def plain(self, count: int) -> None:
        """Healthy media, each with an annotation, written at once."""
        contents = [(picture(10_000 + n, size=(8, 6)), LABEL + str(n).encode()) for n in range(count)]
        first, self.next_id = self.next_id, self.next_id + count
        keys = [(key_of(image), key_of(label, "annotations", "txt")) for image, label in contents]
        for (image, label), (image_key, label_key) in zip(contents, keys, strict=True):
            self.put(image_key, image)
            self.put(label_key, label)
        self.tables.insert("media", *((first + n, keys[n][0], "image", MADE_AT) for n in range(count)))
        self.tables.insert("annotations", *((first + n, first + n, keys[n][1], MADE_AT) for n in range(count)))

    def _store(self, folder: str, content: bytes | None, columns: dict[str, Any]) -> str | None:
        made = key_of(content, folder) if content is not None else None
        key: str | None = columns.get("key", made)
        if content is not None and key is not None and columns.get("stored", True):
            self.put(key, content)
        return key

    def _expect(self, table: str, row_id: int, codes: tuple[str, ...]) -> None:
        self.findings |= {(table, row_id, code) for code in codes}


@dataclass
class Odd:
    """Ids of the rows that `with_every_oddity` makes."""

    healthy: int = 0
    labelled: int = 0
    announced: int = 0
    lost: int = 0
    strange: int = 0
    typeless: int = 0
    unlabelled: int = 0
    highest: int = 0
    unknown_key: str = ""


def with_every_oddity(old: OldService, *, copies: int = 1) -> Odd:
    """Every break that we know of, `copies` times with other bytes."""
    _accesses(old)
    odd = Odd()
    for copy in range(copies):
        odd.healthy = old.media(picture(copy), type="image")
        odd.labelled = old.annotation(odd.healthy, b"%d 0.5 0.5 0.1 0.1\n" % copy)
        odd.announced = old.media()
        _odd_media(old, odd, copy)
        _odd_annotations(old, odd, copy)
        odd.unknown_key = key_of(b"left over %d" % copy)
        old.put(odd.unknown_key, b"left over %d" % copy)
    odd.highest = old.next_id - 1
    return odd


def _accesses(old: OldService) -> None:
    old.access(1, "chief", scope="admin", hashed=bcrypted(PASSWORD, 12))
    old.access(2, "Ana Müller", hashed=bcrypted(SHORT))
    old.access(3, "robot", "scope_unknown", scope="robot")
    old.access(4, "md5", "password_unreadable", hashed="5f4dcc3b5aa765d61d8327deb882cf99")
    old.access(5, "", "login_unusable")
    old.access(6, None, "login_unusable")
    old.access(7, "x" * 51, "login_unusable")


def _odd_media(old: OldService, odd: Odd, copy: int) -> None:
    shared, twisted = picture(1000 + copy), picture(2000 + copy)
    old.media(shared)
    old.media(shared, "key_shared")
    odd.lost = old.media(b"lost %d" % copy, "object_missing", stored=False)
    odd.strange = old.media(b"%PDF-1.7 " + b"%d" % copy, "foreign_content")
    old.media(b"\xff\xd8\xff cut short %d" % copy, "foreign_content")
    old.media(picture(3000 + copy), "type_differs", type="video")
    odd.typeless = old.media(picture(4000 + copy), "type_from_content", type=None)
    old.media(picture(5000 + copy), "type_from_content", type="gif")
    odd.unlabelled = old.media(None, "type_unknown", type=None)
    old.media(twisted, "key_differs", key=key_of(b"other bytes %d" % copy))
    old.media(None, "key_not_ours", key=f"../etc/passwd{copy}")
    old.media(None, "key_not_ours", key=f"media/holiday {copy}.jpg")
    old.media(None, "time_unknown", created_at=None)
    if copy == 0:
        old.media(None, "id_unusable", id=-7)


def _odd_annotations(old: OldService, odd: Odd, copy: int) -> None:
    old.annotation(odd.healthy)
    if copy == 0:
        old.annotation(odd.healthy, b"")
    old.annotation(odd.healthy, b"\x00\x01binary %d" % copy, "foreign_content")
    old.annotation(odd.healthy, b"gone %d" % copy, "object_missing", stored=False)
    old.annotation(None, b"of nothing %d" % copy, "media_not_named")
    old.annotation(999_999, b"of a lost media %d" % copy, "media_unknown")
    old.annotation(odd.unlabelled, b"of one left out %d" % copy, "media_left_out")
