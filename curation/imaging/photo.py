"""What a photograph's EXIF says of when, where and with what it was taken.

A broken block is no reason to refuse a picture: what makes no sense is left out, and a sentence says so.
"""

import math
import re
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

MODEL_LONGEST: Final = 100  # characters
TIMES: Final = (  # (time, fraction of a second, offset from UTC); DateTime itself is when some program saved the file
    (Base.DateTimeOriginal, Base.SubsecTimeOriginal, Base.OffsetTimeOriginal),
    (Base.DateTimeDigitized, Base.SubsecTimeDigitized, Base.OffsetTimeDigitized),
)
UNSET: Final = frozenset("0: -/\0")  # a clock that was never set writes such
OFFSET: Final = re.compile(r"([+-])(\d\d):?([0-5]\d)")
NO_BLOCK: Final = "The EXIF block cannot be read."
BROKEN_PARTS: Final = "Parts of the EXIF block cannot be read."
NO_TIME: Final = "The capture time in the EXIF block makes no sense."
NO_OFFSET: Final = "The time zone in the EXIF block makes no sense; UTC was assumed."
NO_POSITION: Final = "The position in the EXIF block makes no sense."


@dataclass(slots=True)
class PhotoFacts:
    """taken_at: aware; UTC is assumed where the camera tells no offset. Position in degrees, WGS 84."""

    taken_at: datetime | None = None
    has_offset: bool = False
    latitude: float | None = None
    longitude: float | None = None
    camera_model: str = ""
    problems: list[str] = field(default_factory=list)


def photo_facts(image: Image.Image) -> PhotoFacts:
    """Read the EXIF of an opened picture; never raises for what stands in it."""
    facts = PhotoFacts()
    try:
        with warnings.catch_warnings(record=True, action="always") as warned:
            exif = _exif(image)
            tags, places = exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)
            facts.camera_model = _text(exif.get(Base.Model))[:MODEL_LONGEST]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # Pillow raises a dozen kinds, depending on what is broken
        facts.problems.append(NO_BLOCK)
        return facts
    if warned:
        facts.problems.append(BROKEN_PARTS)
    _time(tags, facts)
    _position(places, facts)
    return facts


def _exif(image: Image.Image) -> Image.Exif:
    """Read afresh: Pillow looks at the block while it opens a JPEG, and keeps to itself what it stumbled over."""
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        return image.getexif()
    exif = Image.Exif()
    exif.load(block)
    return exif


def _text(value: Any) -> str:
    """A text without what cameras pad it with, and without control characters."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = value.partition("\0")[0] if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _time(tags: dict[int, Any], facts: PhotoFacts) -> None:
    for time, fraction, offset in TIMES:
        text = _text(tags.get(time))
        if set(text) <= UNSET:
            continue
        try:
            zone = _zone(_text(tags.get(offset)), facts)
            moment = datetime.strptime(text[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone or UTC)
            facts.taken_at = (moment + _fraction(_text(tags.get(fraction)))).astimezone(UTC)
        except (ValueError, OverflowError):
            facts.problems.append(NO_TIME)
            continue
        facts.has_offset = zone is not None
        return


def _fraction(digits: str) -> timedelta:
    return timedelta(seconds=float(f"0.{digits}")) if digits.isascii() and digits.isdigit() else timedelta(0)


def _zone(text: str, facts: PhotoFacts) -> timezone | None:
    if set(text) <= UNSET - {"0"}:
        return None
    if text.upper() == "Z":
        return UTC
    match = OFFSET.fullmatch(text)
    if match is None or int(match[2]) > 14:
        facts.problems.append(NO_OFFSET)
        return None
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-ahead if match[1] == "-" else ahead)


def _position(places: dict[int, Any], facts: PhotoFacts) -> None:
    if GPS.GPSLatitude not in places or GPS.GPSLongitude not in places:
        return
    try:
        latitude = _degrees(places[GPS.GPSLatitude], places.get(GPS.GPSLatitudeRef), "NS", 90)
        longitude = _degrees(places[GPS.GPSLongitude], places.get(GPS.GPSLongitudeRef), "EW", 180)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        facts.problems.append(NO_POSITION)
        return
    if (latitude, longitude) != (0.0, 0.0):  # what a receiver without satellites writes
        facts.latitude, facts.longitude = latitude, longitude


def _degrees(parts: Any, reference: Any, letters: str, most: int) -> float:
    """Degrees from degrees, minutes and seconds; raises ValueError for what lies on no globe."""
    numbers = [float(part) for part in parts]
    letter = _text(reference).upper() or letters[0]
    if not 1 <= len(numbers) <= 3 or letter not in letters or min(numbers) < 0:
        raise ValueError
    value = math.fsum(number / 60**place for place, number in enumerate(numbers))
    if not math.isfinite(value) or value > most:
        raise ValueError
    return round(-value if letter == letters[1] else value, 7)
