"""Which customers the company may contact: consent for a channel, objections, and suppression lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from churn.errors import ParamsError, SourceError, did_you_mean
from churn.experiments.units import normalise_email

Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

OBJECTED = "objected to being contacted"
ON_SUPPRESSION_LIST = "on a suppression list"

_KEYS = ("customer_id", "email")
_SEPARATORS = (",", ";", "\t")
_FIRST_BYTES = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""The first bytes of a text in UTF-16, which is not UTF-8; Excel writes such texts as "Unicode text"."""


def no_consent_for(channel: str) -> str:
    """Return the reason that is written for a customer who has no consent for the channel of the play.

    >>> no_consent_for("phone")
    'no consent for phone'
    """
    return f"no consent for {channel}"


@dataclass(frozen=True)
class Consents:
    """The consents for one purpose that are valid at a cutoff.

    Attributes:
        customers_by_channel: The ids of the customers with consent, by channel in lower case.
        warnings: One sentence for each purpose or channel in params.yaml that occurs in no row of the table.
            Nobody has consent for such a purpose or channel.
    """

    customers_by_channel: Mapping[str, frozenset[str]]
    warnings: tuple[str, ...] = ()

    def holds(self, customers: Texts, channels: Texts) -> Bools:
        """Return whether each customer has consented to contacts through the channel. Shape `[customers]`."""
        pairs = zip(customers, channels, strict=True)
        return np.array(
            [
                customer in self.customers_by_channel.get(plain_channel(channel), frozenset())
                for customer, channel in pairs
            ],
            dtype=bool,
        )


def consents_at(
    consents: pd.DataFrame, *, purpose: str, channels: Sequence[str], cutoff: datetime
) -> Consents:
    """Return the consents that are valid at a cutoff.

    These rules are applied for each customer, channel and purpose:

    - Only what happened before the cutoff counts: `given_at < cutoff` and `withdrawn_at < cutoff`.
    - The latest consent counts. A time in `withdrawn_at` ends the consent of the same row. This withdrawal
      also ends all consents in other rows that were given before it or at the same instant.
    - A consent that is given after a withdrawal is valid again.
    - Channels and purposes are compared without regard to capital letters and to blanks at both ends. A
      consent for another purpose does not count.

    An objection is stronger than a consent; see `contact_refusals`.

    Args:
        consents: The rows of the table `consents`, with `customer_id`, `channel`, `purpose`, `given_at`
            and `withdrawn_at` (UTC).
        purpose: The purpose for which customers are contacted.
        channels: The channels that need consent.
        cutoff: The local midnight of the cutoff, as a UTC time without a zone (like the times in `consents`).
    """
    rows = consents.assign(
        channel=consents["channel"].map(plain_channel, na_action="ignore"),
        purpose=consents["purpose"].map(plain_channel, na_action="ignore"),
    )
    warnings = _missing_levels(rows, purpose, channels)
    instant = pd.Timestamp(cutoff)
    rows = rows[(rows["purpose"] == plain_channel(purpose)) & (rows["given_at"] < instant)]
    is_ended = rows["withdrawn_at"] < instant
    keys = ["channel", "customer_id"]
    latest_given = rows[~is_ended].groupby(keys)["given_at"].max()
    latest_end = rows[is_ended].groupby(keys)["withdrawn_at"].max().reindex(latest_given.index)
    in_force = latest_given[~(latest_end >= latest_given)].index.to_frame(index=False)
    by_channel = {
        str(channel): frozenset(group["customer_id"]) for channel, group in in_force.groupby("channel")
    }
    return Consents(by_channel, warnings)


def _missing_levels(rows: pd.DataFrame, purpose: str, channels: Sequence[str]) -> tuple[str, ...]:
    """Return a warning for each purpose and channel in params.yaml that occurs in no row of the table."""
    if rows.empty:
        return ()
    warnings = []
    settings = [("contact.purpose", purpose, "purpose")]
    settings += [("contact.consent_channels", channel, "channel") for channel in channels]
    for setting, text, column in settings:
        levels = sorted(rows[column].dropna().unique())
        if plain_channel(text) not in levels:
            names = ", ".join(repr(level) for level in levels[:5])
            warnings.append(
                f"{setting}: no row of consents has the {column} '{text}', so nobody has this "
                f"consent. The {column}s of the table are {names}.{did_you_mean(plain_channel(text), levels)}"
            )
    return tuple(warnings)


@dataclass(frozen=True)
class SuppressionList:
    """A file with customers whom nobody may contact.

    Attributes:
        path: The file.
        customer_ids: The ids in the column `customer_id`, by line number in the file.
        emails: The normalised addresses in the column `email`, by line number in the file.
    """

    path: Path
    customer_ids: Mapping[int, str]
    emails: Mapping[int, str]


def read_suppression_lists(paths: Sequence[Path]) -> tuple[SuppressionList, ...]:
    """Read the suppression lists, which are files with customers whom nobody may contact.

    A list is a CSV file in UTF-8 (or UTF-16 with its byte order mark) with a column `customer_id` or `email`,
    or both. The separator is a comma, a semicolon or a tab. Empty lines are allowed. A line without an id and
    without an address is a mistake, because it would hide a customer who must not be contacted.

    Raises:
        ParamsError: A file of `contact.suppression` does not exist.
        SourceError: A file cannot be read as such a list. The error lists the mistakes of all files.
    """
    lists: list[SuppressionList] = []
    problems: list[str] = []
    absent = [f"contact.suppression: there is no file {path}." for path in paths if not path.is_file()]
    if absent:
        raise ParamsError(*(f"{text} Correct the path, or remove the entry." for text in absent))
    for path in paths:
        try:
            lists.append(_read_list(path))
        except SourceError as error:
            problems += error.problems
    if problems:
        raise SourceError(*problems)
    return tuple(lists)


def _read_list(path: Path) -> SuppressionList:
    rows = _rows_of(path)
    number, header = next(rows, (1, []))
    names = [name.strip().casefold() for name in header]
    columns = {key: names.index(key) for key in _KEYS if key in names}
    if repeated := [key for key in _KEYS if names.count(key) > 1]:
        raise SourceError(f"{path}:{number}: the column '{repeated[0]}' occurs twice. Keep one of them.")
    if not columns:
        hints = {did_you_mean(name, _KEYS) for name in names} - {""}
        raise SourceError(
            f"{path}:{number}: a suppression list has a column 'customer_id' or 'email'; the columns of this "
            f"file are {', '.join(map(repr, header)) or 'none'}.{min(hints, default='')}"
        )
    customer_ids: dict[int, str] = {}
    emails: dict[int, str] = {}
    problems: list[str] = []
    for line, row in rows:
        cells = {key: row[index].strip() if index < len(row) else "" for key, index in columns.items()}
        if len(row) > len(header) or not any(cells.values()):
            expected = " or ".join(columns)
            error = f"has no {expected}" if len(row) <= len(header) else f"has {len(row)} cells"
            problems.append(f"{path}:{line}: the line {error}; the header has {len(header)} columns.")
            continue
        if customer_id := cells.get("customer_id"):
            customer_ids[line] = customer_id
        if address := cells.get("email"):
            if email := normalise_email(address):
                emails[line] = email
            else:
                problems.append(f"{path}:{line}: the cell in the column email is no e-mail address.")
    if problems:
        more = f" There are {len(problems) - 5} more lines with such mistakes." if len(problems) > 5 else ""
        problems = [*problems[:5]]
        problems[-1] += (
            f"{more} Correct the lines: otherwise the customers in these lines would be contacted."
        )
        raise SourceError(*problems)
    return SuppressionList(path, customer_ids, emails)


def _rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return the lines of a CSV file that are not empty, each with its line number; the header comes
    first.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: the file cannot be read ({error.strerror}).") from None
    try:
        text = data.decode(_FIRST_BYTES.get(data[:2], "utf-8-sig"))
        if "\0" in text:
            raise UnicodeError
    except UnicodeError:
        raise SourceError(f"{path}: the file is not text in UTF-8. Save the file as CSV in UTF-8.") from None
    header = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise SourceError(
            f"{path}:{reader.line_num}: the line is not CSV ({error}). Check its quotation marks."
        ) from None
    return iter(rows)


@dataclass(frozen=True)
class Suppression:
    """The customers on suppression lists.

    Attributes:
        is_suppressed: Whether each customer is on a list. Shape `[customers]`.
        n_unmatched: For each file, the number of lines that fit no customer; files without such lines are
            left out.
    """

    is_suppressed: Bools
    n_unmatched: Mapping[Path, int]


def match_suppression(lists: Sequence[SuppressionList], customers: Texts, emails: Texts) -> Suppression:
    """Find the customers that suppression lists name by id or by e-mail address.

    An address suppresses every customer who has this address. A line with an id and an address suppresses the
    customer with the id, and also every customer with the address.

    Args:
        lists: The suppression lists.
        customers: The ids of all customers, also of customers outside the cohort. Shape `[customers]`.
        emails: The e-mail address of each customer as in the data, None if it is missing. Shape
            `[customers]`.
    """
    addresses = np.array([normalise_email(email) for email in emails], dtype=object)
    known_ids, known_addresses = set(customers), set(addresses) - {None}
    suppressed_ids: set[str] = set()
    suppressed_addresses: set[str] = set()
    n_unmatched = {}
    for entries in lists:
        suppressed_ids.update(entries.customer_ids.values())
        suppressed_addresses.update(entries.emails.values())
        matched_lines = {line for line, customer in entries.customer_ids.items() if customer in known_ids}
        matched_lines |= {line for line, address in entries.emails.items() if address in known_addresses}
        n_lines = len(entries.customer_ids.keys() | entries.emails.keys())
        if n_lines > len(matched_lines):
            n_unmatched[entries.path] = n_lines - len(matched_lines)
    is_suppressed = np.array(
        [
            customer in suppressed_ids or address in suppressed_addresses
            for customer, address in zip(customers, addresses, strict=True)
        ],
        dtype=bool,
    )
    return Suppression(is_suppressed, n_unmatched)


def contact_refusals(
    customers: Texts,
    channels: Texts,
    *,
    has_objected: Bools,
    is_suppressed: Bools,
    consents: Consents,
    consent_channels: Sequence[str],
) -> Texts:
    """Return for each customer why the channel of the play is forbidden; None if it is allowed.

    The first of these rules that applies gives the reason:

    1. The customer objected. An objection forbids every channel, even if it came after the cutoff of the
    night, as long as it is known today.
    2. The customer is on a suppression list. Such a list forbids every channel.
    3. The channel needs consent, and the customer has no consent for the purpose.

    This function does not know the arm of a customer, so the rules are the same in both arms.

    Args:
        customers: The ids of the candidates, shape `[candidates]`.
        channels: The channel of each customer's play.
        has_objected: Whether the customer objected, as known today.
        is_suppressed: Whether the customer is on a suppression list.
        consents: The consents that are valid at the cutoff.
        consent_channels: The channels that need consent.
    """
    needing = {plain_channel(channel) for channel in consent_channels}
    needs_consent = np.array([plain_channel(channel) in needing for channel in channels], dtype=bool)
    has_consent = np.ones(len(customers), dtype=bool)
    has_consent[needs_consent] = consents.holds(customers[needs_consent], channels[needs_consent])
    reasons = np.full(len(customers), None, dtype=object)
    reasons[~has_consent] = [no_consent_for(channel) for channel in channels[~has_consent]]
    reasons[is_suppressed] = ON_SUPPRESSION_LIST
    reasons[has_objected] = OBJECTED
    return reasons


def plain_channel(text: str) -> str:
    """Return the name of a channel or a purpose in lower case, without blanks at both ends, to compare it.

    >>> plain_channel(" E-Mail")
    'e-mail'
    """
    return text.strip().casefold()
