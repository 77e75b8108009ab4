"""Private folders and files: 0700 and 0600 from the moment they exist."""

import os
import secrets
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make `path` (and what is missing above it) 0700."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write `text` as a 0600 file, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)


def kept_secret(path: Path) -> str:
    """The secret in the file `path`; made up and written there the first time."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text().strip()
