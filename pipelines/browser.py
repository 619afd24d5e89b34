"""Open a page in the browser of the user, if the machine has one."""

from __future__ import annotations

import webbrowser

from pipelines.echo import Echo


def open_page(address: str, echo: Echo) -> None:
    """Open an address in a new tab; on a machine without a browser, say what to do instead.

    Args:
        address: An address with its scheme, such as `file:///home/ana/output/report/index.html`.
        echo: Prints what to do if no page opens. If the page does not open, the verb has still done its work,
            because the page is written.
    """
    try:
        is_open = webbrowser.open_new_tab(address)
    except webbrowser.Error:
        is_open = False
    if not is_open:
        echo.warn(
            f"no browser could be opened on this machine. Open {address} by hand, or name a browser in the "
            "environment variable BROWSER."
        )
