"""Receive the contacts that `churn` hands over, and write the answers for it: an example to start from.

It needs Python 3.11 and nothing else. `CHURN_WEBHOOK_SECRET` is the secret of params.yaml.

    python receiver.py serve --port 8765          take events until Ctrl-C
    python receiver.py list                       show the contacts that are to take place
    python receiver.py answer TASK done           write an answer into contacts.csv

The files are in the folder `--folder`, by default `received`. `events.jsonl` has each event once;
`contacts.csv` is the table `contacts` that churn reads.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import hmac
import json
import os
import re
import sys
import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

TOLERANCE_SECONDS = 300
"""How old a signed request may be, so that nobody can send a request again that he has listened to."""

MAX_BYTES = 1 << 20
RESULTS = ("done", "no answer", "declined", "snoozed")
COLUMNS = ("customer_id", "contacted_at", "task_id", "play", "channel", "result", "snoozed_until")


def is_signed(secrets: str, headers: Any, body: bytes, now: float) -> bool:
    """Return whether a request has a signature of one of the secrets and is not old.

    Args:
        secrets: One or more secrets with blanks between them.
        headers: The headers of the request.
        body: The body as it came: the signature is of these bytes.
        now: The time in seconds since 1970.
    """
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    seconds = whole_number(timestamp)
    if seconds is None or abs(now - seconds) > TOLERANCE_SECONDS:
        return False
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = headers.get("webhook-signature", "").split()
    for secret in secrets.split():
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures):
            return True
    return False


def whole_number(text: str) -> int | None:
    """Return the number in a header; None if it is none. Anybody can send a header, and `int` takes more."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else None


class Inbox:
    """The events that were received, each once, in a file that survives a crash."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "events.jsonl"
        self._lock = threading.Lock()
        self._ids = {event["id"] for event in self.events()}

    def events(self) -> list[dict[str, Any]]:
        """Return all events, the earliest first."""
        if not self.path.exists():
            return []
        data = self.path.read_bytes()  # bytes: a text has more line ends than JSON escapes, such as U+2028
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

    def add(self, event_id: str, event: dict[str, Any]) -> bool:
        """Keep an event and return True; a repeat is not kept and returns False.

        The event is on the disk before the sender gets its answer: what was confirmed is never lost.
        """
        with self._lock:
            if event_id in self._ids:
                return False
            with self.path.open("a+b") as file:
                cut_torn_line(file)
                file.write(json.dumps({"id": event_id, **event}, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self._ids.add(event_id)
            return True

    def contacts(self, today: date) -> list[dict[str, Any]]:
        """Return the contacts that are to take place, the one that is due first first."""
        planned: dict[str, dict[str, Any]] = {}
        for event in self.events():
            contact = event["data"]
            if event["type"] == "contact.planned":
                planned[contact["task_id"]] = contact
            elif planned.get(contact["task_id"], {}).get("sequence", 0) <= contact["sequence"]:
                planned.pop(contact["task_id"], None)
        waiting = [contact for contact in planned.values() if contact["expires_on"] > str(today)]
        return sorted(waiting, key=lambda contact: (contact["due_at"], contact["task_id"]))


def cut_torn_line(file: IO[bytes]) -> None:
    """Cut off a last line that a crash or a full disk has torn; its event was never confirmed."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def handler_of(inbox: Inbox, secrets: str) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = whole_number(self.headers.get("content-length", ""))
            if length is None or length > MAX_BYTES:
                self._answer(413)
                return
            body = self.rfile.read(length)
            if not is_signed(secrets, self.headers, body, datetime.now(UTC).timestamp()):
                self._answer(401)
                return
            try:
                event = json.loads(body)
            except ValueError:
                self._answer(400)
                return
            inbox.add(self.headers["webhook-id"], event)
            self._answer(204)  # also for a repeat: the sender must not send it again

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing: the address may hold a password, and the event holds data of customers."""

    return Handler


def serve(folder: Path, port: int, secrets: str) -> None:
    """Take events until Ctrl-C."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(Inbox(folder), secrets))
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


def write_answer(folder: Path, task_id: str, result: str, until: str | None, now: datetime) -> None:
    """Append the answer of a contact to `contacts.csv`, which churn reads as its table `contacts`."""
    contacts = {
        event["data"]["task_id"]: event["data"]
        for event in Inbox(folder).events()
        if event["type"] == "contact.planned"
    }
    if task_id not in contacts:
        sys.exit(f"no contact has the task {task_id}")
    if (result == "snoozed") != (until is not None):
        sys.exit("'snoozed' needs --until YYYY-MM-DD, and no other result has it")
    contact, path = contacts[task_id], folder / "contacts.csv"
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(COLUMNS)
        moment = now.isoformat(timespec="seconds")
        row = (contact["customer_id"], moment, task_id, contact["play"], contact["channel"])
        writer.writerow([*row, result, until or ""])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("received"))
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("serve").add_argument("--port", type=int, default=8765)
    verbs.add_parser("list")
    answer = verbs.add_parser("answer")
    answer.add_argument("task")
    answer.add_argument("result", choices=RESULTS)
    answer.add_argument("--until", help="the day on which a snoozed task comes back")
    arguments = parser.parse_args()
    if arguments.verb == "serve":
        secrets = os.environ.get("CHURN_WEBHOOK_SECRET", "")
        if not secrets:
            sys.exit("CHURN_WEBHOOK_SECRET is not set")
        serve(arguments.folder, arguments.port, secrets)
    elif arguments.verb == "list":
        for contact in Inbox(arguments.folder).contacts(datetime.now(UTC).date()):
            words = (contact["due_at"], contact["channel"], contact["customer_id"], contact["action"] or "")
            print(contact["task_id"], *words, sep="  ")
    else:
        now = datetime.now(UTC)
        write_answer(arguments.folder, arguments.task, arguments.result, arguments.until, now)


if __name__ == "__main__":
    main()
