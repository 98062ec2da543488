"""More clients than any server has threads: each on a line of its own, all speaking at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from curation.tests.faults.crowd import CUT, Told
from curation.tests.faults.house import House

LONGEST = 240  # seconds that a client waits


@dataclass(frozen=True)
class Request:
    """What is sent on one line."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    def on_the_wire(self, house: House) -> bytes:
        known = {"Host": urlsplit(house.url).netloc, "Authorization": f"Bearer {house.token}", "Connection": "close"}
        headers = known | self.headers | {"Content-Length": str(len(self.body))}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def flood(house: House, requests: Sequence[Request]) -> list[Told]:
    """All lines are open before the first word is said; what each was told, in their order."""
    return asyncio.run(_flood(house, requests))


async def _flood(house: House, requests: Sequence[Request]) -> list[Told]:
    gate = asyncio.Barrier(len(requests))
    return list(await asyncio.gather(*(_told(house, request, gate) for request in requests)))


async def _told(house: House, request: Request, gate: asyncio.Barrier) -> Told:
    address = urlsplit(house.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    await gate.wait()
    started = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST):
            writer.write(request.on_the_wire(house))
            await writer.drain()
            answer = await reader.read()
    except (ConnectionError, TimeoutError):
        answer = b""
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head else CUT
    return Told(status, time.monotonic() - started, text=body[:300].decode(errors="replace"))
