"""Remove passwords from addresses and from messages about them."""

from __future__ import annotations

import re
from urllib.parse import unquote

_USER = re.compile(r"(?<=://)([^/?#]*)@")


def without_secret(uri: str) -> str:
    """Return an address without its user, its password and the part after `?`, which may hold passwords too.

    >>> without_secret("postgresql://ana:pa@ss@db.example/runs?sslpassword=x")
    'postgresql://db.example/runs'
    >>> without_secret("exports/is this it?")  # the path of a folder holds no password
    'exports/is this it?'
    """
    if "://" not in uri:
        return uri
    return _USER.sub("", re.split(r"[?#]", uri, maxsplit=1)[0], count=1)


def user_of(uri: str) -> str | None:
    """Return the `user:password` of an address, or None.

    >>> user_of("https://ana:p%40ss@tracking.example")
    'ana:p@ss'
    """
    match = _USER.search(uri)
    return unquote(match[1]) if match else None


def hide_secret(message: str, uri: str) -> str:
    """Return a library's message about an address without its user and password.

    >>> hide_secret("no answer from https://ana:x1@host/api, x1", "https://ana:x1@host")
    'no answer from https://host/api, ***'
    """
    message = message.replace(uri, without_secret(uri))
    match = _USER.search(uri)
    if match is None:
        return message
    message = message.replace(f"{match[1]}@", "")
    password = match[1].partition(":")[2]
    for secret in {password, unquote(password)} - {""}:
        message = message.replace(secret, "***")
    return message
