"""How high the sun stood, by the equations of NOAA's solar calculator (after Meeus, Astronomical Algorithms).

https://gml.noaa.gov/grad/solcalc/solareqns.PDF and the spreadsheet at https://gml.noaa.gov/grad/solcalc/calcdetails.html.
Good to a tenth of a degree between the years 1900 and 2100; refraction is left out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import acos, asin, cos, degrees, radians, sin, tan
from typing import Final, Literal

Light = Literal["day", "twilight", "night"]

J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
CIVIL: Final = -6.0  # degrees: below it, it is night


def light(elevation: float) -> Light:
    """What it was like outside at this elevation (degrees): twilight is the civil one, from 0 down to -6."""
    if elevation >= 0:
        return "day"
    return "twilight" if elevation >= CIVIL else "night"


def elevation(at: datetime, latitude: float, longitude: float) -> float:
    """Degrees from the horizon to the centre of the sun. latitude, longitude: degrees, north and east are positive."""
    centuries = (at - J2000).total_seconds() / 86_400 / 36_525
    declination, equation = _declination_and_equation_of_time(centuries)
    moment = at.astimezone(UTC)
    minutes = moment.hour * 60 + moment.minute + moment.second / 60
    hour_angle = radians((minutes + equation + 4 * longitude) / 4 - 180)
    north = radians(latitude)
    cosine = sin(north) * sin(declination) + cos(north) * cos(declination) * cos(hour_angle)
    return 90 - degrees(acos(max(-1.0, min(1.0, cosine))))


def _declination_and_equation_of_time(t: float) -> tuple[float, float]:
    """Radians and minutes, `t` Julian centuries after J2000."""
    mean_longitude = radians((280.46646 + t * (36000.76983 + t * 0.0003032)) % 360)
    anomaly = radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = (
        sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * t)
    apparent = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    tilt = 23 + (26 + (21.448 - t * (46.815 + t * (0.00059 - t * 0.001813))) / 60) / 60
    obliquity = radians(tilt + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation = (
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean_longitude)
        - 0.5 * y * y * sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return asin(sin(obliquity) * sin(apparent)), 4 * degrees(equation)
