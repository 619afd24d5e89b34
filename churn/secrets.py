"""Keep the secrets of this process (passwords in addresses, values of `${NAME}`), and hide them in texts.

An address is parsed here, and nowhere else. A library would read a malformed address in its own way and quote
parts of the password in its message. What is secret is kept in one place, and `hide_secrets` takes it out of
every message, whoever wrote the message.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote

from churn.controls import control_code

MASK = "***"
"""The text that stands for a password."""

MIN_LENGTH = 4
"""The least length of a secret that is hidden in messages, because a secret such as `a` occurs in every word.
"""

PUBLIC_WORDS = frozenset(
    ("churn", "http", "https", "mlflow", "password", "postgres", "postgresql", "sqlite", "duckdb", "spark")
)
"""Words of ordinary messages. A password that is such a word would be given away by the gaps it leaves."""

FILE_SCHEMES = ("duckdb", "sqlite", "file")
"""The schemes whose address is the path of a file, without host and user."""

SECRET_KEYS = (
    r"\w*passw(?:or)?d|pwd|\w*token|\w*secret|\w*api[-_]?key|\w*access[-_]?key|sig|\w*signature|\w*credential"
)
"""The names of settings whose value is secret, as a regular expression."""

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*")
_ONE_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|(?:[\w.%-]|\$\{\w+\})*)(?::(?:\d*|\$\{\w+\}))?"
_HOST = re.compile(rf"{_ONE_HOST}(?:,{_ONE_HOST})*")
_SECRET_SETTING = re.compile(
    rf"\b(?:{SECRET_KEYS})\s*=\s*('(?:[^'\\]|\\.)*'|'.*|\S+)", re.IGNORECASE | re.DOTALL
)
_USER_PART = re.compile(r"(?:[A-Za-z][\w+.-]*://|^)([^\s:/?#@]*):(?!//)(.*)@", re.DOTALL)


class AddressError(ValueError):
    """An address that can be read in two ways, or in none; the message quotes no part of it."""


@dataclass(frozen=True)
class Address:
    """The parts of an address such as `postgresql://ana:secret@db.example:5432/shop?sslmode=require`.

    Attributes:
        scheme: The text before `://`.
        user: The decoded user; None if the address has none.
        password: The decoded password; None if the address has none.
        host: The host with its port, or several of them, as in the address.
        path: The path as in the address, with its first `/`.
        settings: The decoded settings after `?`, in their order.
    """

    scheme: str
    user: str | None
    password: str | None
    host: str
    path: str
    settings: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse an address.

        Raises:
            AddressError: The address can be read in two ways, or in none.

        >>> Address.parse("postgresql://ana:p%40ss@db:5432/shop").password
        'p@ss'
        """
        scheme, separator, rest = text.partition("://")
        if not separator or not _SCHEME.fullmatch(scheme):
            raise AddressError("the address does not begin with a scheme, as in postgresql://host/name")
        if scheme in FILE_SCHEMES:
            path, _, query = rest.partition("?")
            if "=" not in query:  # the name of a file may contain a ?
                return cls(scheme, None, None, "", rest, ())
            return cls(scheme, None, None, "", path, _settings(query))
        user_part, at_sign, host_part = rest.rpartition("@")
        if re.search(r"[/?#@]", user_part) or re.search(r"%(?![0-9A-Fa-f]{2})", user_part):
            raise AddressError(
                "the program cannot separate the parts of the address. There are two possible reasons. The "
                "user or the password contains '/', '?', '#', '@' or a '%' without two hexadecimal digits "
                "after it; or an '@' stands after the host. Write these characters as %2F, %3F, %23, %40 and "
                "%25, or take the password from the environment, as in "
                "scheme://user:${DATABASE_PASSWORD}@host/name, where it stands as it is"
            )
        user, colon, password = user_part.partition(":")
        host, path, query = _split_place(host_part)
        if not _HOST.fullmatch(host) or "#" in path + query:
            raise AddressError(
                "the address has a host or port that cannot be read. Write "
                "scheme://user:password@host:port/name. The port must be a number, and the character # is "
                "written as %23. In YAML, put the address in quotes"
            )
        return cls(
            scheme,
            unquote(user) if at_sign else None,
            unquote(password) if colon else None,
            host,
            path,
            _settings(query),
        )

    @property
    def public_text(self) -> str:
        """Return the address without user, password and settings, for messages."""
        return f"{self.scheme}://{self.host}{self.path}"

    @property
    def canonical(self) -> str:
        """Return the address with all special characters of its parts encoded, as libraries need it."""
        return self._text(f"{_code(self.user)}:{_code(self.password)}", self.settings)

    @property
    def without_password(self) -> str:
        """Return the address with its user but without its secrets, for the checksum of the source.

        So the checksum stays the same after a change of the password.
        """
        public = tuple((name, value) for name, value in self.settings if not is_secret_setting(name))
        return self._text(_code(self.user), public)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the password and the secret settings that are not empty."""
        settings = (value for name, value in self.settings if is_secret_setting(name))
        return tuple(secret for secret in (self.password, *settings) if secret)

    def _text(self, user_part: str, settings: tuple[tuple[str, str], ...]) -> str:
        query = "&".join(f"{name}={_code(value)}" for name, value in settings)
        if self.scheme in FILE_SCHEMES:
            return f"{self.scheme}://{self.path}" + (f"?{query}" if query else "")
        if self.password is None:
            user_part = _code(self.user)
        user_part = f"{user_part}@" if self.user is not None else ""
        return f"{self.scheme}://{user_part}{self.host}{self.path}" + (f"?{query}" if query else "")


def is_secret_setting(name: str) -> bool:
    """Return whether the value of a setting of this name is secret.

    >>> is_secret_setting("sslpassword"), is_secret_setting("sslmode")
    (True, False)
    """
    return re.fullmatch(SECRET_KEYS, name, re.IGNORECASE) is not None


def _code(text: str | None) -> str:
    return quote(text or "", safe="")


def _split_place(host_and_path: str) -> tuple[str, str, str]:
    """Split an address without scheme and user into host, path and query."""
    before, _, query = host_and_path.partition("?")
    host, slash, path = before.partition("/")
    return host, f"{slash}{path}", query


def _settings(query: str) -> tuple[tuple[str, str], ...]:
    pieces = [piece for piece in query.split("&") if piece]
    if any(piece.count("=") != 1 for piece in pieces):
        raise AddressError(
            "the settings of the address (the part after the character ?) cannot be read. Write them as "
            "name=value&name=value, with & as %26, = as %3D and % as %25 inside a value"
        )
    pairs = (piece.partition("=") for piece in pieces)
    return tuple((unquote(name), unquote(value)) for name, _, value in pairs)


def with_variables(text: str, variable_of: Callable[[str], str]) -> tuple[str, tuple[str, ...]]:
    """Return an address with `${NAME}` in place of its secrets, and the names of these variables.

    A `${NAME}` that is already in the address stays as it is.

    Args:
        text: The address.
        variable_of: Takes `password` or the name of a secret setting, and returns the name of the environment
            variable for it.

    Raises:
        AddressError: The address can be read in two ways, or in none.

    >>> with_variables("postgresql://ana:p%40ss@db/shop", lambda name: f"DATABASE_{name.upper()}")
    ('postgresql://ana:${DATABASE_PASSWORD}@db/shop', ('DATABASE_PASSWORD',))
    """
    Address.parse(text)
    variables: list[str] = []

    def replace(name: str, secret: str) -> str:
        if not secret or re.fullmatch(r"\$\{\w+\}", secret) or not is_secret_setting(name):
            return secret
        variables.append(variable_of(name))
        return f"${{{variables[-1]}}}"

    scheme, separator, rest = text.partition("://")
    user_part, at_sign, host_part = rest.rpartition("@")
    user, colon, password = user_part.partition(":")
    host_part, question_mark, query = host_part.partition("?")
    start = f"{scheme}{separator}{user}{colon}{replace('password', password)}{at_sign}"
    pieces = [piece.partition("=") for piece in query.split("&")]
    query = "&".join(f"{name}{equals}{replace(name, value)}" for name, equals, value in pieces)
    return f"{start}{host_part}{question_mark}{query}", tuple(dict.fromkeys(variables))


def show_address(text: str) -> str:
    """Return an address without user, password and settings, for messages; a path stays unchanged.

    >>> show_address("postgresql://ana:p%40ss@db.example/runs?sslpassword=x")
    'postgresql://db.example/runs'
    >>> show_address("postgresql://ana:p/ss@db.example/runs")  # not certain where the password ends
    'postgresql://…'
    >>> show_address("exports/is this it?")  # the path of a folder holds no password
    'exports/is this it?'
    """
    text = hide_secrets(text)
    if "://" not in text:
        return text
    try:
        return Address.parse(text).public_text
    except AddressError:
        scheme = text.partition("://")[0]
        return f"{scheme}://…" if _SCHEME.fullmatch(scheme) else "…"


def without_password(text: str) -> str:
    """Return an address without its secrets, for the checksum of the source; other texts stay unchanged."""
    try:
        return Address.parse(text).without_password if _has_secret(text) else text
    except AddressError:
        return text


def _has_secret(text: str) -> bool:
    return "://" in text and bool(Address.parse(text).secrets)


_replacements: dict[str, str] = {}
"""The secrets of this process in every spelling, each with the text that stands for it."""

_pattern: re.Pattern[str] | None = None


def keep_secret(secret: str, replacement: str = MASK) -> None:
    """Keep a text as secret: `hide_secrets` replaces it, in each spelling that a library may use."""
    global _pattern
    for part in {secret, *secret.splitlines()}:
        for spelling in _spellings(part):
            if len(spelling.strip()) >= MIN_LENGTH and spelling.lower() not in PUBLIC_WORDS:
                _replacements.setdefault(spelling, replacement)
    _pattern = None


def _spellings(secret: str) -> Iterator[str]:
    yield from (secret, secret.strip(), quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from (unquote(secret), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield re.sub("/(?:/|\\./)+", "/", secret)  # a path
    yield from (repr(secret)[1:-1], html.escape(secret), secret.replace("'", "''"))
    yield from (secret.replace("\\", "\\\\").replace("'", "\\'"), " ".join(secret.split()))
    yield "".join(letter if letter.isprintable() else control_code(ord(letter)) for letter in secret)
    yield "".join(letter if ord(letter) >= 0x20 else control_code(ord(letter)) for letter in secret)


def keep_secrets_of(text: str) -> None:
    """Keep each password in a text as secret, even if the text is a malformed or ambiguous address.

    The text is an address, an argument of the command line, or libpq's form `host=db password=secret`. A
    library may mistake a part of a password for a host or a port, and quote this part. So the parts of a
    password are hidden, too.
    """
    public_parts: tuple[str | None, ...] = ()
    with suppress(AddressError):
        address = Address.parse(re.sub(r"^[\w.-]+=(?=[A-Za-z][\w+.-]*://)", "", text))  # --set source=ADDRESS
        public_parts = (address.user, address.host, address.path.strip("/"))
        if address.password:
            login = f"{address.user}:{address.password}".encode()
            keep_secret(base64.b64encode(login).decode())
        for secret in address.secrets:
            if secret not in public_parts:
                keep_secret(secret)
    for match in _USER_PART.finditer(text):
        for password in (match[2], unquote(match[2])):
            for part in (password, *re.split(r"[/?#@:%]", password)):
                if part not in public_parts:
                    keep_secret(part)
    for match in _SECRET_SETTING.finditer(text):
        for secret in (match[1], match[1].strip("'"), match[1].partition("&")[0]):
            keep_secret(secret)
            keep_secret(re.sub(r"\\(.)", r"\1", secret))


def forget_secrets() -> None:
    """Forget all secrets of this process."""
    global _pattern
    _replacements.clear()
    _pattern = None


def hide_secrets(text: str) -> str:
    """Return a text in which each secret that this process keeps is replaced, usually by `***`.

    >>> keep_secrets_of("https://ana:x1y2@host")
    >>> hide_secrets("401 for https://ana:x1y2@host: x1y2 is wrong"), hide_secrets("max1y2z")
    ('401 for https://ana:***@host: *** is wrong', 'max1y2z')
    >>> forget_secrets()
    """
    global _pattern
    if not _replacements:
        return text
    if _pattern is None:
        secrets = sorted(_replacements, key=len, reverse=True)
        _pattern = re.compile("|".join(map(_as_whole, secrets)))
    return _pattern.sub(lambda match: _replacements[match[0]], text)


def _as_whole(secret: str) -> str:
    """Return a regular expression for a secret; a secret that is a word is not found inside a longer word."""
    return rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])" if secret.isalnum() else re.escape(secret)
