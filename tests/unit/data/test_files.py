"""What somebody uses stays; what nobody uses goes."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

from churn.data.files import private_folder, scratch_folder
from churn.data.ingest.ingest import fresh_store, ingest
from churn.data.sql import connect
from churn.data.store import Store
from churn.params import EngineParams, Params
from tests.worlds import params_of

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


def test_a_reader_keeps_its_store_while_another_takes_its_place(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins=LOGINS)
    reader = ingest(params, lambda _: None)
    with_two_logins(params)

    ingest(params, lambda _: None)

    assert stored_logins(reader) == 1
    assert stored_logins(Store.open(params)) == 2


def test_a_store_that_nobody_reads_any_more_goes_with_the_next(tmp_path: Path) -> None:
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
    killed = (
        "import os, signal, sys; from pathlib import Path; import churn.data.ingest.ingest as i; "
        "from tests.worlds import params_of; "
        "i.write_manifest = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL); "
        f"i.ingest(params_of(Path(sys.argv[1]), since=None, logins={LOGINS!r}), print)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", killed, str(tmp_path)], env=environment, capture_output=True)
    while_dead = folders_of_stores(params)

    ingest(params, lambda _: None)

    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (while_dead, folders_of_stores(params)) == (2, 1)


def test_a_copied_store_is_read_and_replaced(tmp_path: Path) -> None:
    params = params_of(tmp_path, since=None, logins=LOGINS)
    store = ingest(params, lambda _: None)
    copy = params.output / "copy"
    copy.mkdir()
    for path in store.folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            place = copy / path.relative_to(store.folder)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(path.read_bytes())
    (params.output / "store").unlink()
    copy.rename(params.output / "store")
    assert fresh_store(params) is not None
    with_two_logins(params)

    ingest(params, lambda _: None)

    assert stored_logins(Store.open(params)) == 2


class Owner:
    """Owns a folder."""


def test_a_private_folder_goes_with_its_owner_and_is_nobody_elses(tmp_path: Path) -> None:
    one, other = Owner(), Owner()
    first, second = private_folder(tmp_path, one), private_folder(tmp_path, other)
    (first / "rows").write_text("")

    del one
    gc.collect()

    assert first != second
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [second]


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys; from pathlib import Path; "
        "from churn.data.files import private_folder; "
        "owner = type('Owner', (), {})(); private_folder(Path(sys.argv[1]), owner); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], env=environment, check=False)
    [left] = [path for path in tmp_path.iterdir() if path.is_dir()]
    owner = Owner()

    mine = private_folder(tmp_path, owner)

    assert [path for path in tmp_path.iterdir() if path.is_dir()] == [mine]
    assert left != mine


def test_a_scratch_folder_lives_until_its_block_ends_whoever_clears_up_meanwhile(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "kept").touch()
        connect(EngineParams(), tmp_path).close()

        assert (folder / "kept").exists()

    assert not folder.exists()
