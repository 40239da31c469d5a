from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import textwrap
from contextlib import chdir, closing
from pathlib import Path

import pytest

from aircall_mcp.errors import StoreError
from aircall_mcp.ground.private_files import Modes
from aircall_mcp.storage.lock import Lock
from aircall_mcp.storage.store import Transaction

from ..storage.things import put, sizes, store_at


def test_everything_is_private_whatever_the_umask(home: Path) -> None:
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


def test_what_leads_to_it_is_private_too(home: Path) -> None:
    before = os.umask(0)
    try:
        Modes().directory(home / "a" / "b")
    finally:
        os.umask(before)
    for made in (home, home / "a", home / "a" / "b"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_the_journal_is_private_too(home: Path) -> None:
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
def test_an_open_directory_is_refused_with_the_remedy(home: Path, mode: int) -> None:
    home.mkdir()
    home.chmod(mode)
    with pytest.raises(StoreError, match="open to other users") as caught:
        store_at(home).write(put("pear", 3))
    assert caught.value.hint == f"Run: chmod 700 '{home}'"
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
def test_an_open_file_is_refused(home: Path, mode: int) -> None:
    store_at(home).write(put("pear", 3))
    (home / "things.db").chmod(mode)
    with pytest.raises(StoreError, match="open to other users"):
        sizes(store_at(home))


def test_links_are_refused(home: Path, tmp_path: Path) -> None:
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


def test_a_linked_directory_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    home.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        store_at(home).write(put("pear", 3))


def test_a_second_name_is_refused(home: Path) -> None:
    store_at(home).write(put("pear", 3))
    (home / "copy.db").hardlink_to(home / "things.db")
    with pytest.raises(StoreError, match="hard link"):
        sizes(store_at(home))


def test_a_stranger_s_file_is_refused(home: Path) -> None:
    store_at(home).write(put("pear", 3))
    stranger = Modes(owner=os.getuid() + 1)
    with pytest.raises(StoreError, match="belongs to somebody else"):
        stranger.read(home / "things.db")


def test_each_refusal_names_the_file_and_a_command_that_mends_it(
    home: Path, tmp_path: Path
) -> None:
    """The command is run, and then the file is taken."""
    modes, file = Modes(), home / "it's a key"
    modes.directory(home)

    def linked() -> None:
        file.symlink_to(tmp_path / "elsewhere")

    def twice() -> None:
        file.write_bytes(b"x")
        file.chmod(0o600)
        (home / "second").hardlink_to(file)

    def wide() -> None:
        file.write_bytes(b"x")
        file.chmod(0o644)

    def listened() -> None:
        with socket.socket(socket.AF_UNIX) as socket_, chdir(home):
            socket_.bind(file.name)

    for broken in (linked, twice, wide, file.mkdir, lambda: os.mkfifo(file), listened):
        broken()
        for ask in (modes.examine, modes.read):
            with pytest.raises(StoreError) as caught:
                ask(file)
            assert str(file) in caught.value.message
        command = caught.value.hint.partition("un: ")[2]
        subprocess.run(command, shell=True, check=True)
        modes.examine(file)
        modes.replace(file, b"new")
        assert modes.read(file) == b"new"
        for left in home.iterdir():
            left.rmdir() if left.is_dir() else left.unlink()


def test_somebody_elses_file_is_named_with_the_command_that_takes_it_over(home: Path) -> None:
    Modes().directory(home)
    Modes().replace(home / "key", b"x")
    with pytest.raises(StoreError) as caught:
        Modes(owner=12_345).read(home / "key")
    assert caught.value.hint == f"If it is yours, run: sudo chown 12345 '{home / 'key'}'"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o400, 0o600])
def test_what_a_person_wrote_is_read_and_narrowed(home: Path, mode: int) -> None:
    home.mkdir(mode=0o755)  # others may look into it, and put nothing there
    file = home / "config.toml"
    file.write_bytes(b"port = 1")
    file.chmod(mode)
    assert Modes().read_written(file) == b"port = 1"
    assert stat.S_IMODE(file.stat().st_mode) == mode & 0o700
    assert Modes().read_written(home / "nothing") is None
    assert Modes().read_written(home / "nowhere" / "nothing") is None
    assert Modes().read_written(file / "below") is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664])
def test_what_others_may_have_written_is_not_read(home: Path, mode: int) -> None:
    home.mkdir(mode=0o700)
    file = home / "config.toml"
    file.write_bytes(b"port = 1")
    file.chmod(mode)
    with pytest.raises(StoreError, match="open to other users") as caught:
        Modes().read_written(file)
    assert caught.value.hint == f"Run: chmod 600 '{file}'"
    file.chmod(0o600)
    home.chmod(0o770)
    with pytest.raises(StoreError, match="open to other users") as caught:
        Modes().read_written(file)
    assert caught.value.hint == f"Run: chmod 700 '{home}'"


def test_roots_settings_are_taken_and_another_users_are_not(home: Path) -> None:
    home.mkdir(mode=0o755)
    (home / "config.toml").write_bytes(b"port = 1")
    if os.geteuid() == 0:
        assert Modes(owner=12_345).read_written(home / "config.toml") == b"port = 1"
        os.chown(home / "config.toml", 12_346, -1)
    with pytest.raises(StoreError, match="belongs to somebody else"):
        Modes(owner=12_345).read_written(home / "config.toml")


def test_what_is_too_long_to_be_settings_or_a_key_is_not_read_by_half(home: Path) -> None:
    Modes().directory(home)
    Modes().replace(home / "key", b" " * (1 << 20))
    assert len(Modes().read(home / "key") or b"") == 1 << 20
    Modes().replace(home / "key", b" " * (1 << 20) + b"a")
    for ask in (Modes().read, Modes().read_written):
        with pytest.raises(StoreError, match="over 1 MiB long"):
            ask(home / "key")


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o777, 0o600])
def test_a_log_that_was_left_open_is_narrowed_and_goes_on(home: Path, mode: int) -> None:
    home.mkdir(mode=0o700)
    file = home / "server.log"
    file.write_bytes(b"old\n")
    file.chmod(mode)
    os.write(descriptor := Modes().append(file), b"new\n")
    os.close(descriptor)
    assert file.read_bytes() == b"old\nnew\n"
    assert stat.S_IMODE(file.stat().st_mode) == mode & 0o700
    with pytest.raises(FileNotFoundError):
        Modes().append(home / "nothing", create=False)


@pytest.mark.parametrize("end", ["-journal", "-wal", "-shm"])
def test_what_lies_beside_a_database_is_ours_too(home: Path, tmp_path: Path, end: str) -> None:
    """SQLite would take it for its own, and roll it into the file."""
    with closing(store_at(home)) as store:
        store.write(put("pear", 3))
    beside, target = home / f"things.db{end}", tmp_path / "target"
    target.write_bytes(b"kept")
    target.chmod(0o600)
    for plant in (beside.symlink_to, beside.hardlink_to):
        plant(target)
        with pytest.raises(StoreError, match="link"):
            sizes(store_at(home))
        beside.unlink()
    assert target.read_bytes() == b"kept"
    assert sizes(store_at(home)) == {"pear": 3}


def test_windows_has_no_modes_but_no_links_either(home: Path, tmp_path: Path) -> None:
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


def test_a_replacement_that_fails_leaves_the_old_file_and_no_litter(home: Path) -> None:
    modes = Modes()
    modes.directory(home)
    modes.replace(home / "key", b"one")
    (home / "busy").mkdir()
    with pytest.raises(StoreError):
        modes.replace(home / "busy", b"two")
    assert sorted(path.name for path in home.iterdir()) == ["busy", "key"]


@pytest.mark.skipif(os.name != "posix", reason="needs a signal that kills")
def test_what_is_left_of_a_replacement_that_was_killed_is_taken_away(home: Path) -> None:
    code = textwrap.dedent("""
        import os, sys
        from pathlib import Path
        from aircall_mcp.ground.private_files import Modes
        os.fsync = lambda _: os.kill(os.getpid(), 9)
        Modes().replace(Path(sys.argv[1]), b"two")
    """)
    modes = Modes()
    modes.directory(home)
    modes.replace(home / "key", b"one")
    subprocess.run([sys.executable, "-c", code, str(home / "key")], check=False)
    assert len(list(home.iterdir())) == 2
    [left] = [path for path in home.iterdir() if path.name != "key"]
    other = home / f"{left.name}.kept"
    other.touch(mode=0o600)  # a longer name is somebody else's
    modes.tidy(home / "key")
    assert {path.name for path in home.iterdir()} == {"key", other.name}
    modes.tidy(home / "nowhere" / "key")
