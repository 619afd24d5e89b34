"""The command `churn`, the same as `python -m pipelines`."""

from __future__ import annotations

import signal

if __name__ == "__main__" or signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while modules are imported shows no traceback

from pipelines.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
