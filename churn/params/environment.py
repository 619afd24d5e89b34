"""Replace `${NAME}` in params.yaml by values of the environment, and keep these values secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from churn.params.sections import TABLES
from churn.secrets import keep_secret

NAME = re.compile(r"\$\{(\w+)\}")

FREE_TEXT_SECTIONS = ("source", "tracking", "tables", "events", "score.sink.connection")
"""The sections and keys whose values are text of any kind. Other keys hold paths, numbers or fixed words
such as `en`.
"""

PRIVATE_KEYS = ("contact.outbox.url", "contact.outbox.secret")
"""The keys of other sections whose values no message may show."""

SHOWN_KEYS = ("from",)
"""Keys of tables whose value every message about the table needs."""

ADDRESS_KEYS = ("source", "tracking.uri", "score.sink.connection")
"""The keys whose value may be an address; in the SQL of a table, `://` is only text."""

ORDINARY_VALUE = re.compile(r"\d{1,5}|\d{4}-\d{2}-\d{2}|" + "|".join(TABLES))
"""Matches a port, a year, a day or a canonical table. Such a value is hidden only if it is a password,
because hiding it would change good output.
"""


@dataclass
class Environment:
    """The environment variables that one file names as `${NAME}`, and their values.

    Attributes:
        missing: The names that are not set, each with the key that uses it.
        templates: For each text with filled-in values, the same text with `${NAME}`, as in the file.
        values: The value of each name, and the keys that use it.
        passwords: The names that a URL uses in its password or in its query (the part after `?`).
    """

    missing: list[tuple[str, str]] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    passwords: set[str] = field(default_factory=set)

    def expand(self, value: Any, key: str = "") -> Any:
        """Return a value with each `${NAME}` replaced; `key` is its key in the file, such as `tracking.uri`.

        A password may contain `/ # ? % @`, because this function encodes the password for the address.
        """
        if isinstance(value, dict):
            return {name: self.expand(part, f"{key}.{name}".lstrip(".")) for name, part in value.items()}
        if isinstance(value, list):
            return [self.expand(part, key) for part in value]
        if not isinstance(value, str) or not NAME.search(value):
            return value
        encoded_places = list(_encoded_places(value)) if key in ADDRESS_KEYS else []

        def replace(match: re.Match[str]) -> str:
            text = self._value(match[1], key)
            if match.start() not in encoded_places:
                return text
            self.passwords.add(match[1])
            return quote(text, safe="")

        text = NAME.sub(replace, value)
        self.templates[text] = value
        return text

    def _value(self, name: str, key: str) -> str:
        if name not in os.environ:
            self.missing.append((name, key))
            return "unset"
        _, keys = self.values.setdefault(name, (os.environ[name], []))
        keys.append(key)
        return os.environ[name]

    def keep_all(self) -> None:
        """Keep every value secret, because a mistake may have put a secret under a key that is shown."""
        for name, (value, _) in self.values.items():
            keep_secret(value, f"${{{name}}}")

    def keep_free_text(self, source: str) -> None:
        """Keep secret each value that is part of an address (a URL) or of SQL.

        Paths and fixed words such as `en` stay visible, because messages must name the folders that the
        program reads or writes. If the parameters are not valid, `keep_all` is called instead.

        Args:
            source: The address of the source, in which each `${NAME}` is already replaced.
        """
        path = re.sub(r"^(duckdb|sqlite):///", "", source)
        is_path = "://" not in path and os.path.exists(path)
        for name, (value, keys) in self.values.items():
            is_ordinary = name not in self.passwords and ORDINARY_VALUE.fullmatch(value)
            is_shown = all(not _is_free_text(key) or (key == "source" and is_path) for key in keys)
            if not is_ordinary and not is_shown:
                keep_secret(value, f"${{{name}}}")


def _is_free_text(key: str) -> bool:
    return key in PRIVATE_KEYS or (
        bool({key, key.partition(".")[0]} & {*FREE_TEXT_SECTIONS})
        and key.rpartition(".")[2] not in SHOWN_KEYS
    )


def _encoded_places(text: str) -> Iterator[int]:
    """Yield the positions of the variables in the password and in the query (after `?`) of a URL.

    The values of these variables must be encoded.

    >>> list(_encoded_places("postgresql://${USER}:${PASSWORD}@${HOST}/shop?sslpassword=${KEY}"))
    [21, 58]
    """
    scheme, separator, rest = text.partition("://")
    if not separator or "${" in scheme:
        return
    start = len(scheme) + len(separator)
    user_end = start + rest.rfind("@") if "@" in rest else start
    colon = text.find(":", start)
    query = text.find("?", user_end)
    for match in NAME.finditer(text):
        if -1 < colon < match.start() < user_end or -1 < query < match.start():
            yield match.start()
