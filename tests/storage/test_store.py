from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.ground.clock import Clock
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.private_files import Modes
from aircall_mcp.storage.sqlite import Database
from aircall_mcp.storage.store import Durability, Store, Transaction

from ..connections import lent

STEPS = (
    ("CREATE TABLE thing (name TEXT PRIMARY KEY, size BIGINT NOT NULL)",),
    ("ALTER TABLE thing ADD COLUMN colour TEXT", "CREATE INDEX by_size ON thing (size)"),
)

as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root")


def store_at(home: Path, *, steps: int = 2, durability: Durability = "vault") -> Database:
    return lent(Database(home / "things.db", STEPS[:steps], durability=durability))


def put(name: str, size: int) -> Callable[[Transaction], int]:
    return lambda tx: tx.run(
        """INSERT INTO thing (name, size) VALUES (:name, :size)
           ON CONFLICT (name) DO UPDATE SET size = excluded.size""",
        name=name,
        size=size,
    )


def sizes(store: Store) -> dict[str, int]:
    return dict(store.read(lambda tx: tx.all("SELECT name, size FROM thing")))  # type: ignore[arg-type]


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


class TestRefusals:
    def test_no_room(self, home: Path) -> None:
        store = lent(Database(home / "things.db", STEPS, durability="vault", largest=8))
        store.write(put("pear", 3))
        with pytest.raises(StoreError, match="No room") as caught:
            store.write(put("x" * 100_000, 1))
        assert caught.value.kind == "storage"
        assert caught.value.hint
        assert sizes(store) == {"pear": 3}
        store.write(put("pear", 4))
        assert sizes(store) == {"pear": 4}

    def test_a_writer_that_holds_on(self, home: Path) -> None:
        store_at(home).write(put("pear", 3))
        impatient = lent(Database(home / "things.db", STEPS, durability="vault", busy_seconds=0.05))

        def meanwhile(_tx: Transaction) -> None:
            with pytest.raises(StoreError, match="busy"):
                impatient.write(put("plum", 1))

        store_at(home).write(meanwhile)
        assert sizes(impatient) == {"pear": 3}

    def test_no_database(self, home: Path) -> None:
        Modes().directory(home)
        Modes().replace(home / "things.db", b"This is a poem, and not a database.\n" * 200)
        with pytest.raises(StoreError, match="damaged"):
            sizes(store_at(home))

    def test_a_directory_in_the_way(self, home: Path) -> None:
        Modes().directory(home)
        (home / "things.db").mkdir()
        with pytest.raises(StoreError):
            sizes(store_at(home))

    @as_root
    def test_a_file_system_that_may_only_be_read(self, tmp_path: Path) -> None:
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


class TestModes:
    def test_everything_is_private_whatever_the_umask(self, home: Path) -> None:
        before = os.umask(0)
        try:
            store_at(home).write(put("pear", 3))
            lock = Lock(home / "a.lock")
            assert lock.take()
            Modes().replace(home / "key", b"secret")
        finally:
            os.umask(before)
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
        assert found == {"things.db": 0o600, "a.lock": 0o600, "key": 0o600}
        assert stat.S_IMODE(home.stat().st_mode) == 0o700

    def test_what_leads_to_it_is_private_too(self, home: Path) -> None:
        before = os.umask(0)
        try:
            Modes().directory(home / "a" / "b")
        finally:
            os.umask(before)
        for made in (home, home / "a", home / "a" / "b"):
            assert stat.S_IMODE(made.stat().st_mode) == 0o700

    def test_the_journal_is_private_too(self, home: Path) -> None:
        before = os.umask(0)
        try:
            store = store_at(home)
            store.write(put("pear", 3))
            seen: list[int] = []

            def look(tx: Transaction) -> None:
                put("plum", 1)(tx)
                journal = home / "things.db-journal"
                seen.append(stat.S_IMODE(journal.stat().st_mode))

            store.write(look)
            assert seen == [0o600]
        finally:
            os.umask(before)

    @pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o777])
    def test_an_open_directory_is_refused_with_the_remedy(self, home: Path, mode: int) -> None:
        home.mkdir()
        home.chmod(mode)
        with pytest.raises(StoreError, match="open to other users") as caught:
            store_at(home).write(put("pear", 3))
        assert caught.value.hint == f"Run: chmod 700 '{home}'"
        assert list(home.iterdir()) == []

    @pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
    def test_an_open_file_is_refused(self, home: Path, mode: int) -> None:
        store_at(home).write(put("pear", 3))
        (home / "things.db").chmod(mode)
        with pytest.raises(StoreError, match="open to other users"):
            sizes(store_at(home))

    def test_links_are_refused(self, home: Path, tmp_path: Path) -> None:
        Modes().directory(home)
        target = tmp_path / "target"
        target.write_bytes(b"")
        target.chmod(0o600)
        (home / "things.db").symlink_to(target)
        (home / "a.lock").symlink_to(target)
        for attempt in (
            lambda: store_at(home).write(put("pear", 3)),
            lambda: Modes().read(home / "things.db"),
            lambda: Modes().replace(home / "things.db", b"x"),
            lambda: Lock(home / "a.lock").take(),
        ):
            with pytest.raises(StoreError, match="link"):
                attempt()
        assert target.read_bytes() == b""

    def test_a_linked_directory_is_refused(self, home: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        home.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StoreError, match="is a link"):
            store_at(home).write(put("pear", 3))

    def test_a_second_name_is_refused(self, home: Path) -> None:
        store_at(home).write(put("pear", 3))
        (home / "copy.db").hardlink_to(home / "things.db")
        with pytest.raises(StoreError, match="hard link"):
            sizes(store_at(home))

    def test_a_stranger_s_file_is_refused(self, home: Path) -> None:
        store_at(home).write(put("pear", 3))
        stranger = Modes(owner=os.getuid() + 1)
        with pytest.raises(StoreError, match="belongs to somebody else"):
            stranger.read(home / "things.db")

    def test_windows_has_no_modes_but_no_links_either(self, home: Path, tmp_path: Path) -> None:
        modes = Modes(posix=False)
        home.mkdir(mode=0o755)
        modes.directory(home)
        modes.replace(home / "key", b"one")
        modes.replace(home / "key", b"two")
        assert modes.read(home / "key") == b"two"
        assert modes.read(home / "nothing") is None
        (home / "link").symlink_to(tmp_path / "target")
        with pytest.raises(StoreError, match="link"):
            modes.read(home / "link")

    def test_a_replacement_that_fails_leaves_the_old_file_and_no_litter(self, home: Path) -> None:
        modes = Modes()
        modes.directory(home)
        modes.replace(home / "key", b"one")
        (home / "busy").mkdir()
        with pytest.raises(StoreError):
            modes.replace(home / "busy", b"two")
        assert sorted(path.name for path in home.iterdir()) == ["busy", "key"]

    @pytest.mark.skipif(os.name != "posix", reason="needs a signal that kills")
    def test_what_is_left_of_a_replacement_that_was_killed_is_taken_away(self, home: Path) -> None:
        code = textwrap.dedent("""
            import os, sys
            from pathlib import Path
            from aircall_mcp.storage.private_files import Modes
            os.fsync = lambda _: os.kill(os.getpid(), 9)
            Modes().replace(Path(sys.argv[1]), b"two")
        """)
        modes = Modes()
        modes.directory(home)
        modes.replace(home / "key", b"one")
        subprocess.run([sys.executable, "-c", code, str(home / "key")], check=False)
        assert len(list(home.iterdir())) == 2
        modes.tidy(home / "key")
        assert [path.name for path in home.iterdir()] == ["key"]
        modes.tidy(home / "nowhere" / "key")


class TestLock:
    def test_excludes_other_objects_and_other_processes(self, home: Path) -> None:
        first, second = Lock(home / "a.lock"), Lock(home / "a.lock")
        assert first.take()
        assert not first.take()
        assert not second.take()
        code = (
            "import sys; from pathlib import Path; from aircall_mcp.storage.lock import Lock;"
            "print(Lock(Path(sys.argv[1])).take())"
        )
        ask = [sys.executable, "-c", code, str(home / "a.lock")]
        assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "False\n"
        first.release()
        assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "True\n"
        assert second.take()

    def test_a_dead_holder_lets_go(self, home: Path) -> None:
        code = (
            "import sys; from pathlib import Path; from aircall_mcp.storage.lock import Lock;"
            "print(Lock(Path(sys.argv[1])).take(), flush=True); sys.stdin.read()"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(home / "a.lock")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = Lock(home / "a.lock")
        assert not lock.take()
        holder.kill()
        holder.communicate()
        assert lock.take()
        assert lock.path.exists()

    def test_waiting_ends(self, home: Path) -> None:
        now = [0.0]
        taken, waiting = (
            Lock(
                home / "a.lock",
                clock=Clock(monotonic=lambda: now[0]),
                block=lambda s: now.__setitem__(0, now[0] + s),
            )
            for _ in range(2)
        )
        with (
            taken.held(),
            pytest.raises(StoreError, match=r"held a\.lock for 3 seconds"),
            waiting.held(patience=3),
        ):
            pytest.fail("two holders")
        with waiting.held(patience=3):
            assert not taken.take()
        assert 3 <= now[0] < 3.1

    def test_windows_takes_what_it_is_given(self, home: Path) -> None:
        calls: list[int] = []

        def refuse(descriptor: int) -> None:
            calls.append(descriptor)
            raise PermissionError(13, "locked by another process")

        assert not Lock(home / "a.lock", modes=Modes(posix=False), seize=refuse).take()
        assert Lock(home / "a.lock", modes=Modes(posix=False), seize=calls.append).take()
        assert len(calls) == 2
