"""The port of the MLflow page on this machine: `churn ui` keeps it, and printed links use it."""

from __future__ import annotations

from pathlib import Path

from churn.data.files import write_atomically

USUAL_PORT = 5000
"""The port of MLflow's page if `churn ui` never used another one."""

PORT_FILE = ".ui-port"


def read_ui_port(models: Path) -> int:
    """Return the port that `churn ui` used last, or 5000 if there is no readable record of it.

    Args:
        models: The folder of the exported models.
    """
    try:
        port = int((models / PORT_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return USUAL_PORT
    return port if 0 < port < 2**16 else USUAL_PORT


def keep_ui_port(models: Path, port: int) -> None:
    """Keep the port of `churn ui` for the links that later verbs print.

    Args:
        models: The folder of the exported models.
        port: The port.
    """
    write_atomically(models / PORT_FILE, f"{port}\n".encode())
