"""The sun's elevation beside published values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.imaging.sun import elevation, light

LONDON, NEW_YORK, SYDNEY = (51.5074, -0.1278), (40.7128, -74.0060), (-33.8688, 151.2093)
RISES = -0.833  # degrees, where almanacs let the sun rise and set


@pytest.mark.parametrize(
    ("at", "where", "published"),
    [
        # Reda and Andreas, Solar Position Algorithm, NREL/TP-560-34302, A5.1: zenith 50.11162, refraction included
        (datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), (39.742476, -105.1786), 39.888),
        # Rise and set of the sun, to the minute, as almanacs give them
        (datetime(2024, 6, 21, 3, 43, tzinfo=UTC), LONDON, RISES),
        (datetime(2024, 6, 21, 20, 21, tzinfo=UTC), LONDON, RISES),
        (datetime(2024, 12, 21, 12, 17, tzinfo=UTC), NEW_YORK, RISES),
        (datetime(2024, 12, 21, 21, 32, tzinfo=UTC), NEW_YORK, RISES),
        (datetime(2024, 12, 20, 18, 41, tzinfo=UTC), SYDNEY, RISES),
        (datetime(2024, 12, 21, 9, 5, tzinfo=UTC), SYDNEY, RISES),
        # Equinox of 2024, 20 March 03:06 UTC: over the equator at noon, local mean time corrected by 7.5 minutes
        (datetime(2024, 3, 20, 12, 7, 30, tzinfo=UTC), (0.0, 0.0), 90.0),
        # Solstices: the tropics are at 23.44 degrees
        (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), (23.44, 0.0), 90.0),
        (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), (90.0, 0.0), 23.44),
        (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), (-90.0, 0.0), -23.44),
    ],
)
def test_it_agrees_with_almanacs(at: datetime, where: tuple[float, float], published: float) -> None:
    assert elevation(at, *where) == pytest.approx(published, abs=0.5)


@pytest.mark.parametrize(
    ("degrees", "said"), [(0.0, "day"), (-0.001, "twilight"), (-6.0, "twilight"), (-6.001, "night"), (60, "day")]
)
def test_day_twilight_and_night_end_where_they_should(degrees: float, said: str) -> None:
    assert light(degrees) == said


@given(
    at=st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
)
def test_it_moves_steadily_and_stays_in_the_sky(at: datetime, latitude: float, longitude: float) -> None:
    now, soon = (elevation(at + timedelta(minutes=n), latitude, longitude) for n in (0, 1))
    assert -90 <= now <= 90
    assert abs(now - soon) < 0.3
