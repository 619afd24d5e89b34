"""Due dates fall on working days, and no contact begins in quiet hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn.contact.working_days import (
    DayRange,
    QuietHours,
    WorkingCalendar,
    check_holidays,
    not_before,
    read_zones,
)
from churn.errors import ParamsError

WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
CHRISTMAS = DayRange(date(2025, 12, 20), date(2025, 12, 31))


@pytest.mark.parametrize(
    ("planned_on", "days", "country", "announcements", "due"),
    [
        ("2025-01-31", 3, None, (), "2025-02-03"),  # Friday + 3 = Monday
        ("2025-01-31", 0, None, (), "2025-01-31"),  # a night on a working day may be due at once
        ("2025-01-30", 2, None, (), "2025-02-03"),  # Saturday moves to Monday
        ("2025-04-15", 3, "DE", (), "2025-04-22"),  # Good Friday, week-end, Easter Monday
        ("2025-06-17", 2, "DE", (), "2025-06-19"),  # Corpus Christi is no holiday in all of Germany
        ("2025-06-17", 2, "DE-BY", (), "2025-06-20"),  # but it is in Bavaria
        ("2025-12-18", 3, "DE", (CHRISTMAS,), "2026-01-02"),  # after the announcement New Year's Day follows
        ("2025-12-22", 1, None, (CHRISTMAS,), "2026-01-01"),  # a night inside an announcement plans as always
        ("2025-12-19", 0, None, (CHRISTMAS,), "2025-12-19"),
    ],
)
def test_a_contact_is_due_on_the_first_day_for_contacts(
    planned_on: str, days: int, country: str | None, announcements: tuple[DayRange, ...], due: str
) -> None:
    calendar = WorkingCalendar.of(WORKDAYS, country, announcements)

    assert calendar.due_date(date.fromisoformat(planned_on), days) == date.fromisoformat(due)


@given(
    planned_on=st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    days=st.integers(0, 60),
    weekdays=st.sets(st.sampled_from(WORKDAYS), min_size=1),
)
def test_no_earlier_day_for_contacts_is_skipped(planned_on: date, days: int, weekdays: set[str]) -> None:
    calendar = WorkingCalendar.of(sorted(weekdays), "DE", (CHRISTMAS,))

    due = calendar.due_date(planned_on, days)

    first = planned_on + timedelta(days=days)
    assert calendar.is_contact_day(due)
    assert not any(calendar.is_contact_day(first + timedelta(days=n)) for n in range((due - first).days))


def test_a_calendar_without_a_working_day_is_a_mistake() -> None:
    calendar = WorkingCalendar(frozenset())

    with pytest.raises(
        ParamsError, match=r"contact: in the 366 days before 2026-02-02, every day is a holiday"
    ):
        calendar.due_date(date(2025, 1, 31), 1)


def test_a_year_that_the_calendar_does_not_cover_is_a_mistake() -> None:
    calendar = WorkingCalendar.of(WORKDAYS, "DE")

    with pytest.raises(
        ParamsError, match=r"covers only the years 1991 to 2100, but a .* be due on 1985-03-04"
    ):
        calendar.due_date(date(1985, 3, 4), 0)


@pytest.mark.parametrize("code", ["DE", "DE-BY", "AT", "US-CA"])
def test_a_country_and_its_region_are_known(code: str) -> None:
    check_holidays(code)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("XX", r"contact.holidays 'XX': there is no calendar of holidays for 'XX'. Give the ISO code"),
        ("DX", r"'DX'. Give the ISO code of a country, such as DE. .* are DE, DJ, DK, DM, DO, DZ"),
        ("DE-BYY", r"the calendar of DE has no region 'BYY'. Did you mean 'BY'\? The calendar has BB, BE"),
    ],
)
def test_an_unknown_country_or_region_is_a_mistake_with_a_way_out(code: str, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        check_holidays(code)


@pytest.mark.parametrize(
    ("due", "zone", "quiet", "instant"),
    [
        ("2025-01-31", "Europe/Berlin", ("20:00", "08:00"), "2025-01-31 07:00"),  # spans midnight
        ("2025-07-31", "Europe/Berlin", ("20:00", "08:00"), "2025-07-31 06:00"),  # summer time
        ("2025-01-31", "UTC", ("12:00", "14:00"), "2025-01-31 00:00"),  # midnight is not quiet
        ("2025-01-31", "UTC", ("00:00", "09:30"), "2025-01-31 09:30"),
        ("2025-01-31", "UTC", ("20:00", "00:00"), "2025-01-31 00:00"),
        ("2025-01-31", "UTC", ("08:00", "08:00"), "2025-01-31 00:00"),  # no quiet hours
        ("2025-01-31", "America/New_York", ("21:00", "09:00"), "2025-01-31 14:00"),
        ("2025-03-30", "Europe/Berlin", ("20:00", "02:30"), "2025-03-30 01:00"),  # 02:30 is skipped
        ("2025-10-26", "Europe/Berlin", ("20:00", "02:30"), "2025-10-26 01:30"),  # 02:30 comes twice
        ("2025-10-26", "Europe/Berlin", ("20:00", "08:00"), "2025-10-26 07:00"),
        ("2018-11-04", "America/Sao_Paulo", ("20:00", "00:00"), "2018-11-04 03:00"),  # midnight is skipped
        ("2025-11-02", "America/Havana", ("08:00", "08:00"), "2025-11-02 04:00"),  # midnight comes twice
        ("2025-03-30", "Europe/Berlin", ("02:45", "02:15"), "2025-03-31 00:15"),  # only quiet hours are left
        ("2018-11-04", "America/Sao_Paulo", ("00:30", "23:00"), "2018-11-05 01:00"),
        ("2011-12-30", "Pacific/Apia", ("20:00", "08:00"), "2011-12-30 18:00"),  # the day is skipped
    ],
)
def test_a_contact_begins_after_the_quiet_hours(
    due: str, zone: str, quiet: tuple[str, str], instant: str
) -> None:
    begins_at = not_before(date.fromisoformat(due), zone, QuietHours.of(*quiet))

    assert begins_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@given(
    due=st.dates(date(1995, 1, 1), date(2035, 1, 1)),
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut", "UTC"]),
    begin=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    end=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_the_first_instant_is_on_the_due_date_and_never_quiet(
    due: date, zone: str, begin: time, end: time
) -> None:
    begins_at = not_before(due, zone, QuietHours(begin, end))

    local = begins_at.astimezone(ZoneInfo(zone))
    n_minutes = (local.date() - due).days * 1440 + local.hour * 60 + local.minute
    minutes = [(m // 60, m % 60) for m in range(1440)]
    is_quiet = [begin <= time(*m) < end if begin <= end else not end <= time(*m) < begin for m in minutes]
    assert not is_quiet[n_minutes % 1440]
    assert n_minutes >= is_quiet.index(False)
    assert n_minutes <= is_quiet.index(False) + 60 or local.date() > due


def test_a_text_that_is_no_time_zone_is_named_and_gets_the_zone_of_the_company() -> None:
    timezones = np.array(["America/New_York", None, "Berlin", "Mars", "Berlin"], dtype=object)

    reading = read_zones(timezones, "Europe/Berlin")

    assert list(reading.zones) == ["America/New_York", *["Europe/Berlin"] * 4]
    assert reading.unknown_names == ("Berlin", "Mars")
