"""The port of the MLflow page on this machine: `churn ui` stores it, and the links that verbs print use
it.
"""

from __future__ import annotations

from pathlib import Path

from churn.data.files import write_atomically

USUAL_PORT = 5000
"""The port of the MLflow page if `churn ui` never used another port."""

PORT_FILE = ".ui-port"


def read_ui_port(models: Path) -> int:
    """Return the port that `churn ui` used last, or 5000 if no port can be read.

    Args:
        models: The folder of the exported models.
    """
    try:
        port = int((models / PORT_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return USUAL_PORT
    return port if 0 < port < 2**16 else USUAL_PORT


def keep_ui_port(models: Path, port: int) -> None:
    """Store the port of `churn ui` for the links that later verbs print.

    Args:
        models: The folder of the exported models.
        port: The port.
    """
    write_atomically(models / PORT_FILE, f"{port}\n".encode())
