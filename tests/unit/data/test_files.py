"""A folder with a lease stays; a folder without one is removed."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

from churn.data.files import dated_paths, private_folder, scratch_folder
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.sql import connect
from churn.data.store import Store
from churn.params import EngineParams, Params
from tests.drawn_company import params_of

LOGINS = "customer | happened_at\n ana | 2024-01-01"


def with_two_logins(params: Params) -> None:
    (Path(params.source) / "logins.csv").write_text(
        "customer_id,happened_at\nana,2024-01-01\nana,2024-01-02\n"
    )


def stored_logins(store: Store) -> int:
    with store.connect() as connection:
        row = connection.execute(f"SELECT count(*) FROM {store.scan('logins')}").fetchone()
    return int(row[0]) if row else 0


def folders_of_stores(params: Params) -> int:
    gc.collect()
    return len(list(params.output.glob(".store-*")))


def test_a_reader_keeps_its_store_when_a_new_one_is_published(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins=LOGINS)
    reader = ingest(params, lambda _: None)
    with_two_logins(params)

    ingest(params, lambda _: None)

    assert stored_logins(reader) == 1
    assert stored_logins(Store.open(params)) == 2


def test_a_store_without_readers_is_removed_by_the_next_ingest(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins=LOGINS)
    reader = ingest(params, lambda _: None)
    ingest(params, lambda _: None)
    while_read = folders_of_stores(params)
    del reader

    ingest(params, lambda _: None)

    assert (while_read, folders_of_stores(params)) == (2, 1)


def test_a_refused_or_killed_ingest_leaves_no_folder_behind(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins=LOGINS)
    ingest(params, lambda _: None)
    script = (
        "import os, signal, sys; from pathlib import Path; import churn.data.ingest.ingest as i; "
        "from tests.drawn_company import params_of; "
        "i.write_manifest = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL); "
        f"i.ingest(params_of(Path(sys.argv[1]), since=None, logins={LOGINS!r}), print)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=environment, capture_output=True
    )
    while_dead = folders_of_stores(params)

    ingest(params, lambda _: None)

    assert process.returncode == -signal.SIGKILL, process.stderr
    assert (while_dead, folders_of_stores(params)) == (2, 1)


def test_a_copied_store_is_read_and_replaced(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins=LOGINS)
    store = ingest(params, lambda _: None)
    copy = params.output / "copy"
    copy.mkdir()
    for path in store.folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            target = copy / path.relative_to(store.folder)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    (params.output / "store").unlink()
    copy.rename(params.output / "store")
    assert fresh_store(params) is not None
    with_two_logins(params)

    ingest(params, lambda _: None)

    assert stored_logins(Store.open(params)) == 2


class Owner:
    """Owns a folder."""


def test_a_private_folder_belongs_to_one_owner_and_is_removed_with_it(tmp_path: Path) -> None:
    owners = [Owner(), Owner()]
    first, second = (private_folder(tmp_path, owner) for owner in owners)
    (first / "rows").write_text("")

    del owners[0]
    gc.collect()

    assert first != second
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [second]


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; "
        "from churn.data.files import private_folder; "
        "owner = type('Owner', (), {})(); private_folder(Path(sys.argv[1]), owner); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False)
    [left] = [path for path in tmp_path.iterdir() if path.is_dir()]
    owner = Owner()

    folder = private_folder(tmp_path, owner)

    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [folder]
    assert left != folder


def test_a_scratch_folder_stays_until_its_block_ends(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "file").touch()
        connect(EngineParams(), tmp_path).close()

        assert (folder / "file").exists()

    assert not folder.exists()


def test_paths_are_found_by_their_date_and_a_copy_is_left_out(tmp_path: Path) -> None:
    for name in ("as_of=2025-01-31.json", "as_of=2025-01-31 copy.json", "as_of=later.json", "effects.json"):
        (tmp_path / name).write_text("{}")
    for name in ("cutoff=2025-01-30", "cutoff=2025-01-30 copy"):
        (tmp_path / name).mkdir()

    assert dated_paths(tmp_path, "as_of=", ".json") == {date(2025, 1, 31): tmp_path / "as_of=2025-01-31.json"}
    assert dated_paths(tmp_path, "cutoff=") == {date(2025, 1, 30): tmp_path / "cutoff=2025-01-30"}
    assert dated_paths(tmp_path / "none") == {}
