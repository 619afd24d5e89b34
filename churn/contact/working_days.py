"""Working days, announcements and quiet hours: on which day a contact is due, and at which time it may
begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import numpy.typing as npt

from churn.errors import ParamsError, did_you_mean
from churn.params.schema import time_zones

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MAX_SEARCH_DAYS = 366
"""The largest number of days in a row without a day for contacts; announcement periods are not counted."""


@dataclass(frozen=True)
class QuietHours:
    """The local hours `[begin, end)` in which nobody may be contacted.

    If `begin` is later than `end`, the quiet hours go over midnight. If both are equal, there are no quiet
    hours.
    """

    begin: time
    end: time

    @classmethod
    def of(cls, begin: str, end: str) -> QuietHours:
        """Read the quiet hours from two times of day such as `20:00`.

        >>> QuietHours.of("20:00", "08:00").first_allowed
        datetime.time(8, 0)
        """
        return cls(time.fromisoformat(begin), time.fromisoformat(end))

    @property
    def first_allowed(self) -> time:
        """Return the earliest time of day that is not quiet."""
        return self.end if self.contains(time(0)) else time(0)

    def contains(self, local: time) -> bool:
        """Return whether a local time of day is quiet."""
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


@dataclass(frozen=True)
class DayRange:
    """The days from `first` to `last`, both included."""

    first: date
    last: date


@dataclass(frozen=True)
class WorkingCalendar:
    """The days on which customers may be contacted.

    Contacts are possible on a day that is a working weekday, not a public holiday, and not in an announcement
    period. In such a period the company announces something, and nobody is contacted.

    - A contact is due `due_in_days` calendar days after the night; if this is not a day for contacts,
      the contact is due on the next such day.
    - A due date in an announcement period moves to the first day for contacts after the period. A night in
      the period plans contacts as always, but these contacts are due after the period.
    - A contact happens on its due date or later, never earlier (`not_before`). So a contact that is due after
      an announcement period never happens during the period.
    - The calendar is the same for treated customers and for controls.

    Attributes:
        working_weekdays: The numbers of the working weekdays; Monday is 0.
        country: A country, or a country and a region, such as DE or DE-BY; None if there are no public
            holidays.
        announcements: The announcement periods.
    """

    working_weekdays: frozenset[int]
    country: str | None = None
    announcements: tuple[DayRange, ...] = ()
    _holidays: holidays.HolidayBase | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.country is not None:
            object.__setattr__(self, "_holidays", _calendar_of(self.country))

    @classmethod
    def of(
        cls, working_days: Sequence[str], country: str | None, announcements: Sequence[DayRange] = ()
    ) -> WorkingCalendar:
        """Make a calendar from the values in params.yaml.

        Args:
            working_days: The names of the working weekdays, such as `monday`.
            country: The value of `contact.holidays`.
            announcements: The periods in which the company announces something, and nobody is contacted.

        Raises:
            ParamsError: There is no calendar of public holidays for this country.
        """
        return cls(frozenset(WEEKDAYS.index(day) for day in working_days), country, tuple(announcements))

    def is_contact_day(self, day: date) -> bool:
        """Return whether customers may be contacted on a day.

        Raises:
            ParamsError: The calendar of the country does not contain the year of this day.
        """
        return (
            day.weekday() in self.working_weekdays
            and not self._is_holiday(day)
            and not any(period.first <= day <= period.last for period in self.announcements)
        )

    def due_date(self, planned_on: date, due_in_days: int) -> date:
        """Return the first day for contacts at or after `planned_on + due_in_days` calendar days.

        Args:
            planned_on: The cutoff of the night that plans the contact.
            due_in_days: The `due_in_days` of the play, 0 or more.

        Raises:
            ParamsError: There is no day for contacts within a year, or the calendar of the country does not
                contain the year of the due date.
        """
        day = planned_on + timedelta(days=due_in_days)
        n_closed = 0
        while not self.is_contact_day(day):
            period = next((p for p in self.announcements if p.first <= day <= p.last), None)
            if period is None:
                n_closed += 1
                if n_closed > MAX_SEARCH_DAYS:
                    raise ParamsError(
                        f"contact: in the {MAX_SEARCH_DAYS} days before {day}, every day is a holiday or "
                        "is not a working day. Correct contact.working_days or contact.holidays."
                    )
            day = (period.last if period else day) + timedelta(days=1)
        return day

    def _is_holiday(self, day: date) -> bool:
        if self._holidays is None:
            return False
        first, last = self._holidays.start_year, self._holidays.end_year
        if not first <= day.year <= last:
            raise ParamsError(
                f"contact.holidays '{self.country}': the calendar covers only the years {first} to {last}, "
                f"but a contact would be due on {day}. Remove contact.holidays for this night."
            )
        return day in self._holidays


def check_holidays(code: str) -> None:
    """Check the value of `contact.holidays`: a country, or a country and a region.

    Raises:
        ParamsError: There is no calendar for the country or for the region.
    """
    _calendar_of(code)


def not_before(due: date, timezone: str, quiet: QuietHours) -> datetime:
    """Return the earliest instant (UTC) on the due date at which it is not a quiet hour where the customer
    lives.

    - If the clock skips the end of the quiet hours, the result is the instant at which the clock changes.
    - If the clock is set back, it may show the end of the quiet hours twice. The result is then the second
      instant, because the quiet hours return after the first one. For midnight, the first instant is taken.
    - If the clock skips all hours of the day in which contacts are allowed, the next day is taken. A clock
      can even skip a whole day: Samoa had no 30 December 2011.

    Args:
        due: The local day on which the contact is due.
        timezone: The time zone of the customer or of the company, such as `Europe/Berlin`.
        quiet: The quiet hours, in local time.
    """
    return _first_instant(due, timezone, quiet)


@lru_cache(maxsize=65_536)
def _first_instant(day: date, timezone: str, quiet: QuietHours) -> datetime:
    zone = ZoneInfo(timezone)
    # the clock may skip the earlier of the two times
    for clock_time in sorted({quiet.first_allowed, quiet.end}):
        instant = _instant_of(datetime.combine(day, clock_time), zone)
        local = instant.astimezone(zone)
        if local.date() == day and not quiet.contains(local.time()):
            return instant
    return _first_instant(day + timedelta(days=1), timezone, quiet)


def _instant_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time; if the clock skips this time, return the instant at which the clock
    changes.
    """
    fold = 1 if local.time() != time(0) else 0  # if midnight comes twice, a day begins with the first one
    instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    # A local time that the clock skips can be read in two ways: one lies before the change of the clock, one
    # after it.
    before, after = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=1) // 2)
        is_changed = middle.astimezone(zone).replace(tzinfo=None) >= local
        before, after = (before, middle) if is_changed else (middle, after)
    return after


@dataclass(frozen=True)
class ZoneReading:
    """The time zone of each customer, and the values in the data that are not time zones.

    Attributes:
        zones: The time zone of each customer; the company's zone if the customer has none. Shape
            `[customers]`.
        unknown_names: The values that are not time zones, sorted. Customers with such a value get the
            company's zone; the caller warns about these values.
    """

    zones: npt.NDArray[np.object_]
    unknown_names: tuple[str, ...]


def read_zones(timezones: npt.NDArray[np.object_], company_zone: str) -> ZoneReading:
    """Return the time zone of each customer, which is needed for quiet hours.

    Args:
        timezones: The column `timezone` of customers, None if it is missing. Shape `[customers]`.
        company_zone: The parameter `timezone`.
    """
    known_zones = time_zones()
    zones = np.array(
        [zone if isinstance(zone, str) and zone in known_zones else company_zone for zone in timezones],
        dtype=object,
    )
    names = {zone for zone in timezones if isinstance(zone, str)}
    return ZoneReading(zones, tuple(sorted(names - known_zones)))


def _calendar_of(code: str) -> holidays.HolidayBase:
    country, _, region = code.partition("-")
    location = f"contact.holidays '{code}'"
    calendars = holidays.list_supported_countries()
    if country not in calendars:
        similar = sorted(name for name in calendars if len(name) == 2 and name[0] == country[0])
        raise ParamsError(
            f"{location}: there is no calendar of holidays for '{country}'. Give the ISO code of a country, "
            f"such as DE. The codes with the first letter {country[0]} are {', '.join(similar) or 'unknown'}."
        )
    if region and region not in calendars[country]:
        regions = ", ".join(calendars[country]) or "no regions"
        raise ParamsError(
            f"{location}: the calendar of {country} has no region "
            f"'{region}'.{did_you_mean(region, calendars[country])} The calendar has {regions}."
        )
    return holidays.country_holidays(country, subdiv=region or None)
