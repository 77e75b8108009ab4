"""Media and artifacts behind one interface. Writes are whole or not there: aside, fsync, rename, fsync of the folder.

Files are 0600 in folders 0700 from the moment they exist. Who may write there, apart from us, is nobody: symbolic links
and odd paths are refused all the same, for a path that leads outside would be a hole.
"""

import errno
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from insight_journey.errors import InsightJourneyError, Invalid, NotFound, StorageFull
from insight_journey.settings import Settings

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ASIDE = ".part"
CHECKS = "checks"  # the folder of what `check` writes
NAME = re.compile(r"[A-Za-z0-9._-]{1,255}")  # what every file system and every object store takes
TRIES = 5


class LocalStorage:
    """Files below one folder. Paths are relative, with `/`, of plain ASCII names; all else raises Invalid (`bad_path`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        """A writer; the file appears whole when the block ends well, else nothing stays.

        Raises StorageFull, and NotFound (`folder_deleted`) where the folder is deleted meanwhile.
        """
        target = self._inside(path)
        aside = target.with_name(f".{uuid.uuid4().hex}{ASIDE}")
        try:
            with _told_of_room(), _begin(aside) as file:
                yield file
                _end(file, aside, target)
        except BaseException:
            _remove(aside)
            raise

    def open(self, path: str) -> BinaryIO:
        """Raises NotFound (`file_missing`)."""
        target = self._inside(path)
        try:
            descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise _missing() from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _missing()
        return open(descriptor, "rb")  # noqa: PTH123 - a descriptor

    def delete(self, path: str) -> None:
        """Safe to repeat."""
        target = self._inside(path)
        with suppress(FileNotFoundError):
            target.unlink()
            sync_folder(target.parent)

    def exists(self, path: str) -> bool:
        return self._inside(path).is_file()

    def size(self, path: str) -> int:
        """Bytes as stored. Raises NotFound (`file_missing`)."""
        try:
            return self._inside(path).stat().st_size
        except FileNotFoundError:
            raise _missing() from None

    def files(self, prefix: str) -> list[tuple[str, datetime]]:
        """(path, last written) of the files right in a folder, those that were never finished included."""
        try:
            with os.scandir(self._inside(prefix)) as entries:
                return [(f"{prefix}/{entry.name}", _written(entry)) for entry in entries if entry.is_file(follow_symlinks=False)]
        except FileNotFoundError:  # deleted meanwhile
            return []

    def make_folder(self, prefix: str) -> None:
        target = self._inside(prefix)
        with _told_of_room():
            private_folder(target)

    def delete_folder(self, prefix: str) -> None:
        """Delete a folder with all that is in it, also while others write or delete there. Safe to repeat."""
        folder = self._inside(prefix)
        for _ in range(TRIES):
            shutil.rmtree(folder, ignore_errors=True)  # goes on where another was quicker
            if not folder.exists():
                break
        else:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)  # says why not
        with suppress(FileNotFoundError):
            sync_folder(folder.parent)

    def check_room(self, size: int, floor: int) -> None:
        """Raises StorageFull where `size` bytes more would leave fewer than `floor` free."""
        existing = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
        if shutil.disk_usage(existing).free - size < floor:
            raise StorageFull("There is no room left to store this.")

    def check(self) -> None:
        """Write and remove a small file. Raises StorageFull or OSError."""
        name = f"{CHECKS}/{uuid.uuid4().hex}"
        with self.create(name) as file:
            file.write(b"ok")
        self.delete(name)

    def _inside(self, path: str) -> Path:
        names = path.split("/")
        if not all(NAME.fullmatch(name) and name not in (".", "..") for name in names):
            raise _bad_path()
        target = self.root
        for name in names:
            target = target / name
            if target.is_symlink():
                raise _bad_path()
        return target


def _written(entry: "os.DirEntry[str]") -> datetime:
    return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)


def make_storage(settings: Settings) -> LocalStorage:
    return LocalStorage(settings.storage_dir or settings.home / "storage")


def private_folder(folder: Path) -> None:
    """Make a folder, and what is missing above it, each 0700 and there after a crash."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    for part in reversed(missing):
        part.mkdir(mode=0o700, exist_ok=True)
        sync_folder(part.parent)


def sync_folder(folder: Path) -> None:
    """fsync: what was made, renamed or deleted in the folder survives a crash."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_file(path: Path) -> BinaryIO:
    """A 0600 file to write, which did not exist."""
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: PTH123, SIM115 - with a mode


def _begin(aside: Path) -> BinaryIO:
    with _folder_needed():
        private_folder(aside.parent)
        return new_file(aside)


def _end(file: BinaryIO, aside: Path, target: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    with _folder_needed():
        aside.rename(target)
        sync_folder(target.parent)


@contextmanager
def _folder_needed() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound("The folder of this file was deleted meanwhile.", code="folder_deleted") from None


@contextmanager
def _told_of_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull("There is no room left to store this.") from None
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _missing() -> InsightJourneyError:
    return NotFound("A stored file is missing.", code="file_missing")


def _bad_path() -> InsightJourneyError:
    return Invalid("Not a path of the storage.", code="bad_path")
