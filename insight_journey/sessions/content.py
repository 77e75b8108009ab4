"""Content of a session: sealed as it arrives, looked at, and only then a row. What is refused leaves nothing behind."""

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey.crypto import Key, Sealed
from insight_journey.errors import Conflict, Invalid, NotFound, TooLarge
from insight_journey.extensions import db, new_id
from insight_journey.sessions import documents, relay, service
from insight_journey.sessions.models import Media, Run, Session
from insight_journey.transcription.media import probe
from insight_journey.transcription.text import parse_text

MEDIA = "media"  # purpose of sealed media and file names
TEXT_TYPES = {
    ".txt": "text/plain", ".md": "text/markdown", ".vtt": "text/vtt", ".srt": "application/x-subrip", ".json": "application/json",
}  # fmt: skip
NAME_LENGTH = 255


class SealedUpload:
    """A file-like sink that seals what is written to it and counts; over `limit` bytes it raises TooLarge."""

    def __init__(self, key: Key, media_id: UUID, sink: BinaryIO, limit: int) -> None:
        self._writer = key.writer(sink, MEDIA, str(media_id))
        self._size, self._limit = 0, limit

    def write(self, data: bytes) -> int:
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge(f"The file is larger than the {self._limit // 1024} KiB that are allowed.", code="content_too_large")
        self._writer.write(data)
        return len(data)

    def seek(self, position: int) -> None:
        """Multipart parsers rewind the sink when a part ends; what is sealed stays."""

    def finish(self) -> Sealed:
        if not self._size:
            raise Invalid("The file is empty.", code="media_empty", details={"file": ["Empty."]})
        return self._writer.finish()


@dataclass(frozen=True)
class Received:
    """What came over the wire: `fill(sink)` writes it, then gives the hostile file name and type it came with.

    `size`: bytes it is said to have; 0 where nobody said.
    """

    fill: Callable[[SealedUpload], tuple[str | None, str | None]]
    size: int = 0


def attach(session: Session, received: Received, *, request_id: str | None) -> Run:
    """Seal, probe and keep the content, and start the first run.

    Raises Conflict, TooMany, StorageFull, TooLarge, Invalid, UnsupportedMedia.
    """
    if _has_media(session):
        raise _taken()
    service.check_open_runs(session.user_id)
    current_app.extensions["storage"].check_room(received.size, current_app.extensions["settings"].free_disk_mb << 20)
    session_id, media_id, key = session.id, new_id(), service.session_key(session)
    path = f"{documents.folder(session_id)}/{media_id}.media"
    db.session.rollback()  # an upload may take an hour: no transaction stays open for it
    with _removed_on_error(path):
        sealed, name, media_type = _seal(key, media_id, path, received)
        media = _inspect(key, media_id, path, sealed, name, media_type)
        return _keep(session_id, media, request_id)


def _keep(session_id: UUID, media: Media, request_id: str | None) -> Run:
    session = db.session.get(Session, session_id)
    if session is None:
        raise _deleted(session_id)
    media.session_id = session_id
    db.session.add(media)
    try:
        db.session.flush()
    except sa.exc.IntegrityError:
        db.session.rollback()
        raise (_taken() if db.session.get(Session, session_id) else _deleted(session_id)) from None
    return service.start_run(session, request_id=request_id)


def open_media(session: Session) -> tuple[Media, str | None, BinaryIO]:
    """The content with its file name, readable and seekable in the clear. Raises NotFound."""
    media = db.session.scalar(sa.select(Media).where(Media.session_id == session.id))
    if media is None:
        raise NotFound("This session has no recording or text yet.", code="no_content")
    key = service.session_key(session)
    source = current_app.extensions["storage"].open(media.path)
    return media, file_name(key, media), key.reader(source, MEDIA, str(media.id), media.digest)


def file_name(key: Key, media: Media) -> str | None:
    return key.open_text(MEDIA, media.id, 1, media.sealed) or None


def _has_media(session: Session) -> bool:
    return db.session.scalar(sa.select(Media.id).where(Media.session_id == session.id)) is not None


def _deleted(session_id: UUID) -> NotFound:
    relay.shred(session_id)  # also the folder that the upload may have made again
    return NotFound("This session was deleted during the upload.")


def _taken() -> Conflict:
    return Conflict("This session has its recording or text already.", code="content_exists")


@contextmanager
def _removed_on_error(path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            current_app.extensions["storage"].delete(path)
        raise


def _seal(key: Key, media_id: UUID, path: str, received: Received) -> tuple[Sealed, str | None, str | None]:
    limit = current_app.extensions["settings"].upload_limit_mb << 20
    with current_app.extensions["storage"].create(path) as sink:
        upload = SealedUpload(key, media_id, sink, limit)
        name, media_type = received.fill(upload)
        return upload.finish(), name, media_type


def _inspect(key: Key, media_id: UUID, path: str, sealed: Sealed, name: str | None, media_type: str | None) -> Media:
    """Decide what it is by looking at it. Text goes by its name or type, and must parse; all else must open as media."""
    with current_app.extensions["storage"].open(path) as source:
        reader = key.reader(source, MEDIA, str(media_id), sealed.digest)
        text_type = _text_type(name, media_type)
        if text_type:
            _check_text(reader, text_type, sealed.size)
            kind, found_type, seconds = "text", text_type, None
        else:
            info = probe(reader, current_app.extensions["settings"])
            kind, found_type, seconds = info.kind, info.media_type, info.seconds
    row_name = key.seal_text(MEDIA, media_id, 1, shown_name(name or ""))
    return Media(
        id=media_id, kind=kind, media_type=found_type, path=path, size=sealed.size, digest=sealed.digest, seconds=seconds,
        sealed=row_name,
    )  # fmt: skip


def _text_type(name: str | None, media_type: str | None) -> str | None:
    suffix = _suffix(name)
    if suffix in TEXT_TYPES:
        return TEXT_TYPES[suffix]
    if suffix:
        return None
    bare = (media_type or "").partition(";")[0].strip().lower()
    return bare if bare in TEXT_TYPES.values() else None


def text_name(media_type: str) -> str:
    """A name that tells the parser of texts what this is: the one that came with it may not, or may be cut off."""
    return "text" + next(suffix for suffix, text_type in TEXT_TYPES.items() if text_type == media_type)


def shown_name(name: str) -> str:
    """A hostile file name as it is kept: one printable line, not too long, its suffix kept."""
    plain = "".join(letter for letter in name if unicodedata.category(letter)[0] != "C" and letter not in "\u2028\u2029")
    suffix = _suffix(plain)[:16]
    return plain if len(plain) <= NAME_LENGTH else plain[: NAME_LENGTH - len(suffix)] + suffix


def _suffix(name: str | None) -> str:
    """In lower case; also of a name that is nothing else."""
    return PurePosixPath("x" + PurePosixPath(name or "").name).suffix.lower()


def _check_text(reader: BinaryIO, text_type: str, size: int) -> None:
    limit = current_app.extensions["settings"].text_limit_kb << 10
    if size > limit:
        raise TooLarge(f"The text is larger than the {limit >> 10} KiB that are allowed.", code="content_too_large")
    parse_text(reader.read(), text_name(text_type), None)
