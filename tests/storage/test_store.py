from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Durability, Transaction

from ..connections import lent
from .things import STEPS, put, sizes, store_at

as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")


def test_what_is_written_is_read_by_another_store(home: Path) -> None:
    store_at(home).write(put("pear", 3))
    other = store_at(home)
    assert sizes(other) == {"pear": 3}
    returned = other.write(
        lambda tx: tx.one("DELETE FROM thing WHERE name = :name RETURNING size", name="pear")
    )
    assert returned == (3,)


def test_work_that_raises_leaves_nothing_behind(home: Path) -> None:
    store = store_at(home)

    def half(tx: Transaction) -> None:
        put("pear", 3)(tx)
        raise KeyError("no")

    with pytest.raises(KeyError):
        store.write(half)
    assert sizes(store) == {}
    store.write(put("plum", 1))
    assert sizes(store) == {"plum": 1}


@pytest.mark.anyio
async def test_aside_runs_on_one_thread_that_is_not_ours(home: Path) -> None:
    store = store_at(home)
    threads = {await store.aside(threading.current_thread) for _ in range(5)}
    assert len(threads) == 1
    assert threads != {threading.current_thread()}
    await store.aside(lambda: store.write(put("pear", 3)))
    store.close()
    assert sizes(store) == {"pear": 3}


def test_a_vault_pays_for_durability_and_a_state_does_not(home: Path) -> None:
    def settings(durability: Durability) -> list[object]:
        store = lent(Database(home / f"{durability}.db", STEPS, durability=durability))
        names = ("journal_mode", "synchronous", "secure_delete", "trusted_schema", "temp_store")
        return store.read(lambda tx: [tx.all(f"PRAGMA {name}")[0][0] for name in names])

    assert settings("vault") == ["delete", 2, 1, 0, 2]
    journal, synchronous, *_ = settings("state")
    assert journal in ("wal", "truncate")
    assert synchronous == 1


def test_deleted_content_is_overwritten(home: Path) -> None:
    store = store_at(home)
    store.write(put("a name that must not stay", 1))
    assert b"must not stay" in store.path.read_bytes()
    store.write(lambda tx: tx.run("DELETE FROM thing"))
    assert b"must not stay" not in store.path.read_bytes()


def test_migrations_are_taken_once_and_in_order(home: Path) -> None:
    store_at(home, steps=1).write(put("pear", 3))
    store = store_at(home)
    assert sizes(store) == {"pear": 3}
    assert store.read(lambda tx: tx.all("SELECT number FROM migration")) == [(1,), (2,)]
    assert store.read(lambda tx: tx.all("SELECT colour FROM thing")) == [(None,)]


def test_a_file_of_a_newer_version_is_refused(home: Path) -> None:
    store_at(home).write(put("pear", 3))
    with pytest.raises(StoreError, match="newer aircall-mcp"):
        store_at(home, steps=1).read(lambda tx: tx.all("SELECT 1"))


def test_a_migration_that_fails_leaves_the_step_before_it(home: Path) -> None:
    store_at(home, steps=1).write(put("pear", 3))
    broken = lent(
        Database(
            home / "things.db",
            (STEPS[0], ("CREATE TABLE other (a TEXT)", "ALTER TABLE nothing ADD COLUMN b TEXT")),
            durability="vault",
        )
    )
    with pytest.raises(StoreError):
        broken.read(lambda tx: tx.all("SELECT 1"))
    tables = store_at(home, steps=1).read(
        lambda tx: tx.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    )
    assert tables == [("migration",), ("thing",)]


def test_many_starts_at_once_migrate_once(home: Path) -> None:
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from aircall_mcp.storage.sqlite import Database
        steps = [["CREATE TABLE t%d (a TEXT)" % n] for n in range(30)]
        store = Database(Path(sys.argv[1]), steps, durability="vault")
        sys.stdin.read(1)
        print(store.read(lambda tx: tx.one("SELECT COUNT(*) FROM migration")[0]))
    """)
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home / "things.db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    assert [start.communicate("x")[0].strip() for start in starts] == ["30"] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_uses_a_connection_of_its_own(home: Path) -> None:
    store = store_at(home)
    store.write(put("pear", 3))
    child = os.fork()
    if child == 0:
        try:
            store.write(put("plum", 1))
            os._exit(0 if sizes(store) == {"pear": 3, "plum": 1} else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sizes(store) == {"pear": 3, "plum": 1}


def test_a_file_that_was_replaced_is_opened_anew(home: Path) -> None:
    store = store_at(home)
    store.write(put("pear", 3))
    other = lent(Database(home / "other.db", STEPS, durability="vault"))
    other.write(put("plum", 1))
    other.close()
    (home / "other.db").replace(home / "things.db")
    assert sizes(store) == {"plum": 1}


def test_the_stamp_changes_with_every_commit(home: Path) -> None:
    store = store_at(home)
    assert store.stamp() is None
    stamps = set[object]()
    for size in range(5):
        store_at(home).write(put("x" * 5000 * (size + 1), size))
        stamps.add(store.stamp())
    assert len(stamps) == 5


def test_the_stamp_changes_for_whoever_sets_the_times_back(home: Path) -> None:
    store = store_at(home)
    store.write(put("a", 1))
    before, stamp = store.path.stat(), store.stamp()
    content = store.path.read_bytes()
    with store.path.open("r+b") as file:
        file.write(content)
    os.utime(store.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.path.stat().st_mtime_ns == before.st_mtime_ns
    assert store.stamp() != stamp


def test_a_second_store_does_not_free_the_locks_of_the_first(home: Path) -> None:
    """POSIX frees every lock of a process on a file when it closes any descriptor of it."""
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from aircall_mcp.errors import StoreError
        from aircall_mcp.storage.sqlite import Database
        store = Database(Path(sys.argv[1]), [[], []], durability="vault", busy_seconds=0.05)
        try:
            store.write(lambda tx: tx.run("DELETE FROM thing"))
        except StoreError as error:
            print(error.message)
    """)
    outside = [sys.executable, "-c", code, str(home / "things.db")]
    store = store_at(home)
    store.write(put("pear", 3))

    def meanwhile(tx: Transaction) -> str:
        put("plum", 1)(tx)
        assert sizes(store_at(home)) == {"pear": 3}
        return subprocess.run(outside, capture_output=True, text=True, check=True).stdout

    assert "busy" in store.write(meanwhile)
    assert sizes(store) == {"pear": 3, "plum": 1}


def test_no_room_leaves_what_was_there(home: Path) -> None:
    store = lent(Database(home / "things.db", STEPS, durability="vault", largest=8))
    store.write(put("pear", 3))
    with pytest.raises(StoreError, match="No room") as caught:
        store.write(put("x" * 100_000, 1))
    assert caught.value.kind == "storage"
    assert caught.value.hint
    assert sizes(store) == {"pear": 3}
    store.write(put("pear", 4))
    assert sizes(store) == {"pear": 4}


def test_a_writer_that_holds_on_is_waited_for_in_vain(home: Path) -> None:
    store_at(home).write(put("pear", 3))
    impatient = lent(Database(home / "things.db", STEPS, durability="vault", busy_seconds=0.05))

    def meanwhile(_tx: Transaction) -> None:
        with pytest.raises(StoreError, match="busy"):
            impatient.write(put("plum", 1))

    store_at(home).write(meanwhile)
    assert sizes(impatient) == {"pear": 3}


def test_a_file_that_is_no_database_is_refused(home: Path) -> None:
    Modes().directory(home)
    Modes().replace(home / "things.db", b"This is a poem, and not a database.\n" * 200)
    with pytest.raises(StoreError, match="damaged"):
        sizes(store_at(home))


def test_a_directory_in_the_way_is_refused(home: Path) -> None:
    Modes().directory(home)
    (home / "things.db").mkdir()
    with pytest.raises(StoreError):
        sizes(store_at(home))


@as_root
def test_a_file_system_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        first = store_at(disk)
        first.write(put("pear", 3))
        first.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        store = store_at(disk)
        assert sizes(store) == {"pear": 3}
        with pytest.raises(StoreError, match="read-only"):
            store.write(put("plum", 1))
        assert sizes(store) == {"pear": 3}
        store.close()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
