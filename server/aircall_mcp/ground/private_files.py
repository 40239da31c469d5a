"""Who may read our files: only their owner, on every platform.

POSIX has modes and owners, and both are checked on the open file, so that nobody can swap it in
between. Windows keeps a profile's files to its user by inheritance; there only links are refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from pathlib import Path
from typing import Literal

from ..errors import StoreError

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
_OTHERS = 0o077
_WRITERS = 0o022
"""Of these the bits that let others write: what they may have written is not used."""
_ROOT = 0
_LARGEST_READ = 1 << 20
"""Bytes. What is read whole is a key, an anchor or the settings: a few hundred."""
ELSEWHERE = "Make its directory writable for you, or set AIRCALL_MCP_HOME to one that is."
"""What helps where nothing can be written."""
_REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), ELSEWHERE),
    errno.ENOSPC: "Free some disk space.",
    errno.ENOTDIR: "A part of its path is a file: set AIRCALL_MCP_HOME to a directory.",
}
_BESIDE = 12
"""Hexadecimal digits after the name of a file that is about to take another's place."""


class Modes:
    """Opens, reads and replaces files that only their owner may see.

    Every method raises `StoreError` where a path is a link, belongs to somebody else, is open to
    others, or cannot be read or written at all. The hint is the command that mends it.
    """

    def __init__(self, *, posix: bool = os.name == "posix", owner: int | None = None) -> None:
        self._posix = posix
        self._owner = os.geteuid() if posix and owner is None else owner

    def directory(self, path: Path) -> None:
        """Make sure that `path` is a private directory; what is missing of it is made private."""
        try:
            missing = [one for one in (path, *path.parents) if not os.path.lexists(one)]
            for one in reversed(missing):
                one.mkdir(PRIVATE_DIRECTORY, exist_ok=True)  # another start may be as early
            self._examine(path, path.lstat(), "directory")
        except OSError as error:
            raise _unusable(path, error) from None

    def sound(self, path: Path, *, create: bool = False) -> None:
        """Make sure that nobody else can put a file into the directory `path`: it is ours or
        root's, and not for others to write to. Raises `FileNotFoundError` where there is none and
        `create` is false.
        """
        if create and not os.path.lexists(path):
            return self.directory(path)
        try:
            self._examine(path, path.lstat(), "directory", read=True)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unusable(path, error) from None

    def open(self, path: Path, *, create: bool) -> int:
        """A descriptor of the private file `path`: to read and write, or only to read if that is
        all that is allowed. Raises `FileNotFoundError` where there is none and `create` is false.
        """
        try:
            descriptor = self._descriptor(path, os.O_RDWR | (os.O_CREAT if create else 0))
        except FileNotFoundError as error:
            if create:
                raise _unusable(path, error) from None
            raise
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise _unusable(path, error) from None
            if create and not os.path.lexists(path):
                raise _unusable(path, error) from None
            descriptor = self._readable(path)
        try:
            self._examine(path, os.fstat(descriptor), "file")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def touch(self, path: Path) -> None:
        """Make sure that `path` is a private file, without opening one that is there: to close it
        again would free the locks that this process holds on it, as POSIX has it.
        """
        try:
            with contextlib.suppress(FileExistsError):
                os.close(self._descriptor(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
            self._examine(path, path.lstat(), "file")
        except OSError as error:
            raise _unusable(path, error) from None

    def examine(self, path: Path) -> None:
        """Make sure that `path` is a private file, or that there is none."""
        try:
            self._examine(path, path.lstat(), "file")
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable(path, error) from None

    def read(self, path: Path) -> bytes | None:
        """The content of the private file `path`, None where there is none."""
        try:
            descriptor = self.open(path, create=False)
        except FileNotFoundError:
            return None
        return _whole(path, descriptor)

    def read_written(self, path: Path) -> bytes | None:
        """The content of `path`, which a person wrote, under an umask of their own; None where
        there is none. It is narrowed where others may read it, and refused where others may write
        to it or to its directory. Raises `OSError` where it cannot be read.
        """
        try:
            if not stat.S_ISDIR(path.parent.stat().st_mode):
                return None
            self.sound(path.parent)
            descriptor = self._descriptor(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise (_unusable(path, error) if error.errno == errno.ELOOP else error) from None
        try:
            self._examine(path, os.fstat(descriptor), "file", read=True)
            with contextlib.suppress(OSError):  # root's, or on a disk that is for reading alone
                self._narrow(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return _whole(path, descriptor)

    def append(self, path: Path, *, create: bool = True) -> int:
        """A descriptor that writes at the end of `path`, which is narrowed where an older version,
        or a copy, left it open to others. Raises `FileNotFoundError` where there is none and
        `create` is false.
        """
        flags = os.O_WRONLY | os.O_APPEND | (os.O_CREAT if create else 0)
        try:
            descriptor = self._descriptor(path, flags)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not create:
                raise
            raise _unusable(path, error) from None
        try:
            self._examine(path, os.fstat(descriptor), "file", read=True, write=True)
            self._narrow(descriptor)
        except BaseException as error:
            os.close(descriptor)
            raise (_unusable(path, error) if isinstance(error, OSError) else error) from None
        return descriptor

    def replace(self, path: Path, content: bytes) -> None:
        """Put `content` at `path` in one step: after a crash there is the old or the new, whole."""
        beside = path.with_name(f"{path.name}.{secrets.token_hex(_BESIDE // 2)}")
        try:
            if os.path.lexists(path):  # nothing but a private file of ours is replaced
                os.close(self.open(path, create=False))
            descriptor = self._descriptor(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    # Before the rename: else the name may outlive a crash, and the content not.
                    os.fsync(file.fileno())
                beside.replace(path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
            self._settle(path.parent)
        except OSError as error:
            raise _unusable(path, error) from None

    def remove(self, path: Path) -> None:
        """Take the file away, if there is one."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(path, error) from None

    def tidy(self, path: Path) -> None:
        """Take away what a `replace` of `path` left beside it when it was killed. Call it only
        where nobody else can be replacing it.
        """
        left = re.compile(re.escape(path.name) + rf"\.[0-9a-f]{{{_BESIDE}}}")
        try:
            beside = [one for one in path.parent.iterdir() if left.fullmatch(one.name)]
        except (FileNotFoundError, PermissionError):
            return  # nothing is there, or somebody else put it there
        except OSError as error:
            raise _unusable(path.parent, error) from None
        for one in beside:
            self.remove(one)

    def _readable(self, path: Path) -> int:
        try:
            return self._descriptor(path, os.O_RDONLY)
        except OSError as error:
            raise _unusable(path, error) from None

    def _descriptor(self, path: Path, flags: int) -> int:
        if self._posix:
            # A program that we start must not inherit it: it would go on holding our locks.
            flags |= os.O_NOFOLLOW | os.O_CLOEXEC
            # Nor is anybody waited for at a pipe that was put in the place of a file.
            flags |= os.O_NONBLOCK | os.O_NOCTTY
        else:
            flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
            if path.is_symlink():
                raise _linked(path)
        return os.open(path, flags, PRIVATE_FILE)

    def _narrow(self, descriptor: int) -> None:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if self._posix and mode & _OTHERS:
            os.fchmod(descriptor, mode & ~_OTHERS)

    def _examine(
        self,
        path: Path,
        found: os.stat_result,
        kind: Literal["file", "directory"],
        *,
        read: bool = False,
        write: bool = False,
    ) -> None:
        """Raises `StoreError` where `found` is not a private `kind`; others may `read` it, or
        `write` to it, where that is said."""
        if stat.S_ISLNK(found.st_mode):
            raise _linked(path, kind)
        is_kind = stat.S_ISREG if kind == "file" else stat.S_ISDIR
        if not is_kind(found.st_mode):
            raise _moved(path, f"is no plain {kind}")
        if not self._posix:
            return
        owners = {self._owner, _ROOT} if read else {self._owner}
        if found.st_uid not in owners:
            raise StoreError(
                f"{path} belongs to somebody else (user {found.st_uid}).",
                hint=f"If it is yours, run: sudo chown {self._owner} {quoted(path)}",
            )
        if kind == "file" and found.st_nlink > 1:
            copy = quoted(path.with_name(path.name + ".new"))
            raise StoreError(
                f"{path} has a second name (a hard link).",
                hint=f"Run: cp -p {quoted(path)} {copy} && mv {copy} {quoted(path)}",
            )
        if found.st_mode & (0 if write else _WRITERS if read else _OTHERS):
            wanted = "700" if kind == "directory" else "600"
            raise StoreError(
                f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):o}).",
                hint=f"Run: chmod {wanted} {quoted(path)}",
            )

    def _settle(self, directory: Path) -> None:
        """Make a rename survive a loss of power, where the platform can."""
        if not self._posix:
            return
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def quoted(path: Path) -> str:
    """`path` as a shell takes it."""
    return "'" + str(path).replace("'", "'\\''") + "'"


def _whole(path: Path, descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(_LARGEST_READ + 1)
    if len(content) > _LARGEST_READ:
        raise _moved(path, f"is over {_LARGEST_READ >> 20} MiB long")
    return content


def _moved(path: Path, why: str) -> StoreError:
    """Of what must not stay where it is."""
    aside = path.with_name(f"{path.name}.old")
    return StoreError(f"{path} {why}.", hint=f"Run: mv {quoted(path)} {quoted(aside)}")


def _linked(path: Path, kind: Literal["file", "directory"] = "file") -> StoreError:
    if kind == "directory":
        hint = f"set AIRCALL_MCP_HOME to the directory itself: readlink -f {quoted(path)}"
    else:
        hint = f"put the file itself there, or run: rm {quoted(path)}"
    return StoreError(f"{path} is a link.", hint=f"Links are not followed: {hint}")


def _unusable(path: Path, error: OSError) -> StoreError:
    if error.errno == errno.ELOOP:
        return _linked(path)
    if error.errno in (errno.EISDIR, errno.ENXIO):  # a directory, a socket
        return _moved(path, "is no plain file")
    said = os.strerror(error.errno or 0)
    return StoreError(f"{path} cannot be used: {said}.", hint=_REMEDIES.get(error.errno or 0, ""))
