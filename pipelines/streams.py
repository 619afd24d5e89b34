"""Keep secrets and control characters of the terminal out of what a verb prints to stdout and stderr.

The messages of a verb show names and values from the data. An escape sequence in a name could hide a warning
or change the title of the terminal, and a Unicode direction mark could show a name in reverse order.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from churn.controls import escape_controls
from churn.secrets import hide_secrets


class SafeStream:
    """A text stream that hides secrets and escapes control characters; the wrapped stream does the rest."""

    def __init__(self, stream: TextIO, *, moves_cursor: bool = False) -> None:
        """Wrap a stream.

        Args:
            stream: The stream to write to.
            moves_cursor: Whether control characters are written unchanged, as a progress bar needs.
        """
        self._stream = stream
        self._moves_cursor = moves_cursor

    def write(self, text: str) -> int:
        """Write a text with secrets hidden and control characters escaped; return the given text's length."""
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
    """Replace stdout and stderr by `SafeStream`s until the `with` block ends."""
    earlier = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, SafeStream(stream)) for stream in earlier)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = earlier
