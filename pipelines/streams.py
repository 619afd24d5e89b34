"""stdout and stderr of a verb: no secret and no control character of a terminal goes out.

Names and values of the data reach the terminal in messages. An escape sequence in a name could hide a warning
or change the title of the terminal, and a mark of direction could turn a name around.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from churn.secrets import hide_secrets

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, delete, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Unicode's Bidi_Control
    "\u2028\u2029]"  # line and paragraph separators
)


def escape_controls(text: str) -> str:
    r"""Return a text in which control characters of a terminal are written as codes.

    >>> print(escape_controls("plan\x1b[31m, O'Brien, \u202eabc"))
    plan\x1b[31m, O'Brien, \u202eabc
    """
    return _CONTROLS.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


class SafeStream:
    """A text stream that hides secrets and escapes control characters; all else is the stream's own."""

    def __init__(self, stream: TextIO, *, moves_cursor: bool = False) -> None:
        """Wrap a stream.

        Args:
            stream: The stream to write to.
            moves_cursor: Whether control characters pass, for a progress bar.
        """
        self._stream = stream
        self._moves_cursor = moves_cursor

    def write(self, text: str) -> int:
        """Write a text without secrets and control characters; return its length."""
        clean_text = hide_secrets(text)
        if not self._moves_cursor:
            clean_text = escape_controls(clean_text)
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(clean_text)
        except UnicodeEncodeError:  # a name that is no text, or a terminal without this letter
            self._stream.write(clean_text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def with_cursor(self) -> TextIO:
        """Return the stream for a progress bar, which moves the cursor."""
        return cast(TextIO, SafeStream(self._stream, moves_cursor=True))

    def __getattr__(self, name: str) -> Any:
        """Return what the wrapped stream has under this name."""
        return getattr(self._stream, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Wrap stdout and stderr until the block ends."""
    earlier = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, SafeStream(stream)) for stream in earlier)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = earlier
