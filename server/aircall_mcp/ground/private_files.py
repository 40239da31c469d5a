"""Who may read our files: their owner alone, on every platform.

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
_LARGEST_READ = 1 << 20
"""Bytes. What is read whole is a key or an anchor: a few hundred."""
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
    others, or cannot be read or written at all.
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

    def read(self, path: Path) -> bytes | None:
        """The content of the private file `path`, None where there is none."""
        try:
            descriptor = self.open(path, create=False)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_LARGEST_READ)

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
        else:
            flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
            if path.is_symlink():
                raise StoreError(f"{path} is a link.", hint="Links are not followed.")
        return os.open(path, flags, PRIVATE_FILE)

    def _examine(
        self, path: Path, found: os.stat_result, kind: Literal["file", "directory"]
    ) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise StoreError(f"{path} is a link.", hint="Links are not followed.")
        is_kind = stat.S_ISREG if kind == "file" else stat.S_ISDIR
        if not is_kind(found.st_mode):
            raise StoreError(f"{path} is no plain {kind}.")
        if not self._posix:
            return
        if found.st_uid != self._owner:
            raise StoreError(f"{path} belongs to somebody else (user {found.st_uid}).")
        if kind == "file" and found.st_nlink > 1:
            raise StoreError(f"{path} has a second name (a hard link).")
        if found.st_mode & _OTHERS:
            wanted = "700" if kind == "directory" else "600"
            raise StoreError(
                f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):o}).",
                hint=f"Run: chmod {wanted} '{path}'",
            )

    def _settle(self, directory: Path) -> None:
        """Make a rename survive a loss of power, where the platform can."""
        if not self._posix:
            return
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unusable(path: Path, error: OSError) -> StoreError:
    if error.errno == errno.ELOOP:
        return StoreError(f"{path} is a link.", hint="Links are not followed.")
    said = os.strerror(error.errno or 0)
    return StoreError(f"{path} cannot be used: {said}.", hint=_REMEDIES.get(error.errno or 0, ""))
