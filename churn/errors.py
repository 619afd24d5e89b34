"""The errors that a user can cause, each class with its exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from churn.secrets import hide_secrets


class ChurnError(Exception):
    """A mistake of the user; the message gives place, value, rule and way out.

    One error holds all problems of a file, so that the user can correct them together. Secrets of this
    process are removed from the message, even where it quotes the error of a library.
    """

    exit_code = 1

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(hide_secrets(problem) for problem in problems)
        super().__init__("\n".join(self.problems))


class CallError(ChurnError):
    """A wrong call of a verb, such as a cutoff after the watermark."""

    exit_code = 2


class ParamsError(ChurnError):
    """A mistake in params.yaml."""

    exit_code = 10


class SourceError(ChurnError):
    """A source, a table or a column that is missing or unusable."""

    exit_code = 11


class SignalError(ChurnError):
    """A signal that is badly defined or impossible with these tables."""

    exit_code = 12


class ModelError(ChurnError):
    """A model or registry that is missing, is corrupted or does not fit the data."""

    exit_code = 13


class PlaybookError(ChurnError):
    """A mistake in the playbook."""

    exit_code = 14


class Stop(ChurnError):  # noqa: N818 (it stops the work; nothing is wrong with the call)
    """A guard or a gate that stops the work."""

    exit_code = 15


class BusyError(ChurnError):
    """Another process writes the same files."""

    exit_code = 16


class DeliveryError(ChurnError):
    """A night could not be handed over to a database or a receiver yet; the files of the night are kept."""

    exit_code = 17


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the nearest choice, or an empty string.

    >>> did_you_mean("horizon_day", ["horizon_days", "gap_days"])
    " Did you mean 'horizon_days'?"
    """
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
