"""Storage: a file is whole or not there, private, and inside."""

import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from insight_journey.errors import Invalid, NotFound, StorageFull
from insight_journey.settings import Settings
from insight_journey.storage import LocalStorage, make_storage

HOSTILE = [
    "", ".", "..", "/", "/etc/passwd", "../outside", "sessions/../../outside", "sessions/..", "a/./b", "a//b", "a/", "a\0b", "a\\b",
    "..\\outside", "C:evil", "a\nb", "~/x", "ümlaut", "%2e%2e/x", "x" * 256,
]  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "storage")


def put(storage: LocalStorage, path: str, data: bytes) -> None:
    with storage.create(path) as file:
        file.write(data)


def get(storage: LocalStorage, path: str) -> bytes:
    with storage.open(path) as file:
        return file.read()


def files(storage: LocalStorage) -> list[str]:
    return sorted(str(path.relative_to(storage.root)) for path in storage.root.rglob("*") if not path.is_dir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_works(storage: LocalStorage) -> None:
    put(storage, "sessions/1/a.media", b"hello")
    assert get(storage, "sessions/1/a.media") == b"hello"
    assert (storage.exists("sessions/1/a.media"), storage.size("sessions/1/a.media")) == (True, 5)
    storage.delete("sessions/1/a.media")
    storage.delete("sessions/1/a.media")
    assert not storage.exists("sessions/1/a.media")


def test_it_lies_where_the_settings_say(tmp_path: Path) -> None:
    assert make_storage(Settings(home=tmp_path).resolved()).root == tmp_path / "storage"
    assert make_storage(Settings(home=tmp_path, storage_dir=tmp_path / "far").resolved()).root == tmp_path / "far"


def test_files_and_folders_are_private_whatever_the_umask(storage: LocalStorage) -> None:
    before = os.umask(0)
    try:
        with storage.create("sessions/1/a.media") as file:
            file.write(b"hello")
            assert [mode(path) for path in (storage.root / "sessions/1").iterdir()] == [0o600]
        storage.make_folder("sessions/2")
    finally:
        os.umask(before)
    assert mode(storage.root / "sessions/1/a.media") == 0o600
    folders = [storage.root / name for name in ("", "sessions", "sessions/1", "sessions/2")]
    assert {mode(folder) for folder in folders} == {0o700}


def test_a_file_appears_only_when_it_is_whole(storage: LocalStorage) -> None:
    with storage.create("a") as file:
        file.write(b"half")
        file.flush()
        assert not storage.exists("a")
    assert storage.exists("a")


def test_a_newer_file_takes_the_place_of_the_older_at_once(storage: LocalStorage) -> None:
    put(storage, "a", b"old")
    with storage.open("a") as reader:
        put(storage, "a", b"new")
        assert reader.read() == b"old"
    assert get(storage, "a") == b"new"


def test_an_error_leaves_nothing(storage: LocalStorage) -> None:
    with pytest.raises(KeyboardInterrupt), storage.create("sessions/1/a") as file:
        file.write(b"x" * 100_000)
        raise KeyboardInterrupt
    assert files(storage) == []


def test_an_error_leaves_the_older_file(storage: LocalStorage) -> None:
    put(storage, "a", b"old")
    with pytest.raises(RuntimeError), storage.create("a") as file:
        file.write(b"new")
        raise RuntimeError
    assert files(storage) == ["a"]
    assert get(storage, "a") == b"old"


def test_a_full_disk_is_told_and_leaves_nothing(storage: LocalStorage) -> None:
    """A limit on the size of files stands in for the disk: the same errors, at the same calls."""
    program = """
import resource, sys
from pathlib import Path
from insight_journey.errors import StorageFull
from insight_journey.storage import LocalStorage
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
storage = LocalStorage(Path(sys.argv[1]))
for size in (66000, 1 << 20):  # noticed at the last flush, and in the middle
    try:
        with storage.create("sessions/1/a") as file:
            file.write(bytes(size))
    except StorageFull as error:
        print(error.code)
"""
    done = subprocess.run([sys.executable, "-c", program, str(storage.root)], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["storage_full"] * 2
    assert files(storage) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_said_by_the_one_who_writes_is_told_too(storage: LocalStorage, number: int) -> None:
    with pytest.raises(StorageFull), storage.create("a"):
        raise OSError(number, "no room")
    assert files(storage) == []


def test_other_faults_of_the_disk_stay_what_they_are(storage: LocalStorage) -> None:
    with pytest.raises(OSError, match="broken"), storage.create("a"):
        raise OSError(errno.EIO, "broken")
    assert files(storage) == []


def test_too_many_open_files_is_no_full_disk(storage: LocalStorage) -> None:
    storage.make_folder("a")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(OSError, match="open files"), storage.create("a/b"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_missing_is_not_found(storage: LocalStorage) -> None:
    storage.make_folder("folder")
    for path in ("nothing", "folder/nothing", "no/folder/either", "folder"):
        with pytest.raises(NotFound) as missing:
            storage.open(path)
        assert missing.value.code == "file_missing"
    with pytest.raises(NotFound):
        storage.size("nothing")


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused_everywhere(storage: LocalStorage, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").write_text("not yours")
    calls = (storage.open, storage.delete, storage.exists, storage.size, storage.make_folder, storage.delete_folder)
    for call in calls:
        with pytest.raises(Invalid) as refused:
            call(path)
        assert refused.value.code == "bad_path"
    with pytest.raises(Invalid), storage.create(path):
        pass
    assert (tmp_path / "outside").read_text() == "not yours"


@pytest.mark.parametrize("path", ["link", "link/secret", "in/link", "in/link/secret"])
def test_symbolic_links_are_not_followed(storage: LocalStorage, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("not yours")
    storage.make_folder("in")
    for link in ("link", "in/link"):
        (storage.root / link).symlink_to(tmp_path / "outside")
    for call in (storage.open, storage.delete, storage.exists, storage.size, storage.make_folder, storage.delete_folder):
        with pytest.raises(Invalid):
            call(path)
    with pytest.raises(Invalid), storage.create(path):
        pass
    assert (tmp_path / "outside/secret").read_text() == "not yours"


def test_deleting_a_folder_does_not_follow_links_in_it(storage: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("not yours")
    storage.make_folder("a")
    (storage.root / "a/link").symlink_to(tmp_path / "outside")
    storage.delete_folder("a")
    assert (tmp_path / "outside/secret").exists()
    assert not storage.exists("a")


def test_a_pipe_in_the_place_of_a_file_does_not_block(storage: LocalStorage) -> None:
    storage.make_folder("a")
    os.mkfifo(storage.root / "a/pipe")
    with pytest.raises(NotFound):
        storage.open("a/pipe")


def test_a_folder_goes_with_all_in_it(storage: LocalStorage) -> None:
    put(storage, "sessions/1/deep/er/a", b"x")
    put(storage, "sessions/2/b", b"y")
    storage.delete_folder("sessions/1")
    storage.delete_folder("sessions/1")
    storage.delete_folder("sessions/never")
    assert files(storage) == ["sessions/2/b"]


def test_a_folder_deleted_while_a_file_is_written_stays_deleted(storage: LocalStorage) -> None:
    with pytest.raises(NotFound) as gone, storage.create("sessions/1/a") as file:
        file.write(b"x")
        storage.delete_folder("sessions/1")
    assert gone.value.code == "folder_deleted"
    assert files(storage) == []


def test_many_may_delete_one_folder_at_once(storage: LocalStorage) -> None:
    for number in range(200):
        (storage.root / "a").mkdir(parents=True, exist_ok=True)
        (storage.root / f"a/{number}").touch()
    errors: list[BaseException] = []

    def delete() -> None:
        try:
            storage.delete_folder("a")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert files(storage) == []


def test_the_check_leaves_nothing(storage: LocalStorage) -> None:
    storage.check()
    assert files(storage) == []


def test_the_check_tells_when_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("a file, not a folder")
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's affair
        LocalStorage(tmp_path / "storage").check()
