"""How much a file may ask of its reader; past any of these, `TooComplex` is raised."""

from typing import Final, NamedTuple

KIB: Final = 1024
MIB: Final = 1024 * KIB


class Limits(NamedTuple):
    line: int = 64 * KIB  # characters of a line of text
    lines: int = 1_000_000  # of a file of text
    element: int = 4 * MIB  # characters of one picture, annotation, task or alert in JSON
    depth: int = 64  # of nesting, in JSON and XML
    xml_elements: int = 200_000
    xml_attributes: int = 100  # of one element
    pictures: int = 200_000  # of a file
    labels: int = 10_000  # different ones, or named classes
    label: int = 200  # characters
    regions: int = 10_000  # of one picture
    points: int = 100_000  # of one picture's polygons
    carried: int = 2 * KIB  # bytes of JSON that go along with one region or picture; more is left out, with a problem
    problems: int = 100  # told of one picture, and of a file; the others are counted


LIMITS: Final = Limits()
