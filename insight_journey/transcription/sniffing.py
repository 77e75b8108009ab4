"""What a file is by its own bytes, for a good refusal: PyAV alone says yes, this module only names what it refused."""

from typing import BinaryIO

from insight_journey.errors import InsightJourneyError, Invalid, UnsupportedMedia

HEAD = 4096
MOOV_LIMIT = 8 << 20  # of an MP4's index, searched for marks of encryption
KINDS = (  # (first bytes, what a person calls it)
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"BZh", "a compressed archive"),
    (b"\xfd7zXZ", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
    (b"ffconcat", "a playlist, which only names other files,"),
    (b"#extm3u", "a playlist, which only names other files,"),
    (b"[playlist]", "a playlist, which only names other files,"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "a picture"),
    (b"<?xml", "an XML document"),
)
ENCRYPTED_PDF = b"/Encrypt"
ENCRYPTED_TRACKS = (b"enca", b"encv", b"drms", b"drmi")  # sample entries of ISO 14496-12 section 8.12 and of FairPlay


def refusal(message: str, code: str, kind: type[InsightJourneyError] = Invalid) -> InsightJourneyError:
    """An error that names the field of the upload."""
    return kind(message, code=code, details={"file": [message]})


def unsupported(file: BinaryIO) -> InsightJourneyError:
    """The error for a file that does not open as media, as exact as its bytes allow."""
    head = _read(file, 0, HEAD)
    if _locked(head, file):
        return refusal("This file is locked with a password, so it can't be read. Send the recording without it.", "media_encrypted")
    if head[4:8] == b"ftyp" and "moov" not in dict(_boxes(file)):
        return refusal(
            "This recording was never finished: the index that its player writes at the end is missing. "
            "Try to repair or export it with the app that made it.", "media_no_index",
        )  # fmt: skip
    name = kind_of(head)
    if name is None and is_text(head):
        name = "a text"
    message = f"This is {name} not a recording." if name and name.endswith(",") else f"This is {name}, not a recording."
    return refusal(message if name else "This is no audio or video that can be read.", "media_unsupported", UnsupportedMedia)


def kind_of(head: bytes) -> str | None:
    """What a person calls a file that begins so, where it is surely no recording."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:32]
    shortest = 4 if is_text(head) else 2  # a text may well begin with "BM" or "MZ"
    return next((name for magic, name in KINDS if len(magic) >= shortest and start.lower().startswith(magic.lower())), None)


def is_protected(file: BinaryIO) -> bool:
    """Whether an MP4's tracks are encrypted (bought films and songs): their sound is noise without the shop's key."""
    place = dict(_boxes(file)).get("moov")
    if place is None:
        return False
    index = _read(file, place[0], min(place[1], MOOV_LIMIT))
    return b"sinf" in index and any(mark in index for mark in ENCRYPTED_TRACKS)


def head_of(file: BinaryIO) -> bytes:
    return _read(file, 0, HEAD)


def is_webm(file: BinaryIO) -> bool:
    return b"webm" in _read(file, 0, 64)


def is_quicktime(file: BinaryIO) -> bool:
    return _read(file, 8, 4) == b"qt  "


def riff_is_cut(file: BinaryIO) -> bool:
    """Whether a WAV or AVI announces more bytes than there are. Sizes of recorders that never went back are no announcement."""
    head = _read(file, 0, 8)
    announced = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and announced < 0xFFFFFF00 and announced + 8 > _size(file)


def ogg_ends_well(file: BinaryIO) -> bool:
    """Whether the last page of an Ogg file says that it is the last (RFC 3533, section 6: flag 0x04)."""
    size = _size(file)
    tail = _read(file, max(0, size - (1 << 17)), 1 << 17)
    at = tail.rfind(b"OggS")
    return 0 <= at < len(tail) - 5 and bool(tail[at + 5] & 4)


def _locked(head: bytes, file: BinaryIO) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return bool(head[6] & 1)  # general purpose bit 0 of a ZIP entry
    return head.startswith(b"%PDF") and ENCRYPTED_PDF in _read(file, max(0, _size(file) - 65536), 65536)


def is_text(head: bytes) -> bool:
    try:
        text = head[:-3].decode() if len(head) == HEAD else head.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(ord(char) < 32 and char not in "\t\r\n\f" for char in text)


def _boxes(file: BinaryIO) -> list[tuple[str, tuple[int, int]]]:
    """The outer boxes of an MP4: (name, (offset, size)); the first 64 of a kind the file can really hold."""
    boxes: list[tuple[str, tuple[int, int]]] = []
    at, end = 0, _size(file)
    while at + 8 <= end and len(boxes) < 64:
        header = _read(file, at, 16)
        size = int.from_bytes(header[:4], "big")
        size = int.from_bytes(header[8:16], "big") if size == 1 else size or end - at
        if size < 8 or at + size > end + 8 and header[4:8] == b"moov":
            break
        boxes.append((header[4:8].decode("latin-1"), (at, size)))
        at += size
    return boxes


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    """Bytes from a place; the position stays, because a demuxer may be reading the same file."""
    before = file.tell()
    file.seek(at)
    data = file.read(size)
    file.seek(before)
    return data


def _size(file: BinaryIO) -> int:
    before = file.tell()
    size = file.seek(0, 2)
    file.seek(before)
    return size
