"""Media and artifacts behind one interface. Writes are whole or not there: aside, fsync, rename, fsync of the folder."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from insight_journey.errors import Invalid, NotFound, StorageFull
from insight_journey.settings import Settings

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ASIDE = ".part"


class LocalStorage:
    """Files below one folder, 0600 in 0700. Paths are relative, with `/`, and may not leave the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def create(self, path: str) -> Iterator[BinaryIO]:
        """A writer; the file appears whole when the block ends well, else nothing stays. Raises StorageFull."""
        target = self._inside(path)
        aside = target.with_name(f".{uuid.uuid4().hex}{ASIDE}")
        try:
            self._folder(target.parent)
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - with a mode
                yield file
                file.flush()
                os.fsync(file.fileno())
            aside.rename(target)
            _sync(target.parent)
        except OSError as error:
            _remove(aside)
            if error.errno in FULL:
                raise StorageFull("There is no room left to store this.") from None
            raise
        except BaseException:
            _remove(aside)
            raise

    def open(self, path: str) -> BinaryIO:
        """Raises NotFound."""
        try:
            return self._inside(path).open("rb")
        except FileNotFoundError:
            raise NotFound("A stored file is missing.", code="file_missing") from None

    def delete(self, path: str) -> None:
        self._inside(path).unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        return self._inside(path).is_file()

    def size(self, path: str) -> int:
        return self._inside(path).stat().st_size

    def make_folder(self, prefix: str) -> None:
        self._folder(self._inside(prefix))

    def delete_folder(self, prefix: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._inside(prefix))

    def check(self) -> None:
        """Write and remove a small file. Raises StorageFull or OSError."""
        with self.create(".check") as file:
            file.write(b"ok")
        self.delete(".check")

    def _folder(self, folder: Path) -> None:
        missing = [part for part in (folder, *folder.parents) if not part.exists()]
        for part in reversed(missing):
            part.mkdir(mode=0o700, exist_ok=True)

    def _inside(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\0" in path or "\\" in path:
            raise Invalid("Not a path of the storage.", code="bad_path")
        target = self.root.joinpath(*parts)
        if not target.parent.resolve().is_relative_to(self.root.resolve()) or target.is_symlink():
            raise Invalid("Not a path of the storage.", code="bad_path")
        return target


def make_storage(settings: Settings) -> LocalStorage:
    assert settings.storage_dir is not None
    return LocalStorage(settings.storage_dir)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
