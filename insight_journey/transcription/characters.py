"""Bytes to characters that can be kept: decoded, without what is no writing. Visible words stay as they are."""

import re

from insight_journey.errors import Invalid, UnsupportedMedia
from insight_journey.transcription import sniffing

BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip
PAPER = (b"%pdf", b"{\\rtf", b"<!doctype html", b"<html", b"<svg")  # documents that are text to a decoder, but not to a person
NEWLINES = re.compile("\r\n|[\r\u0085\u2028\u2029\u000b\u000c]")
UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of writing
    "\u00ad\u200b\u2060-\u2065\ufeff\ufff9-\ufffd\ud800-\udfff]"  # invisible characters, halves of characters
)
SURROGATES = re.compile("[\ud800-\udfff]")


def decode(raw: bytes) -> str:
    """UTF-8, or what a byte order mark says. Raises Invalid (text_not_utf8) or UnsupportedMedia."""
    named = sniffing.kind_of(raw[: sniffing.HEAD])
    encoding = next((name for mark, name in BOMS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError:
        text = None
    if named and (text is None or "\x00" in text or raw.lstrip()[:16].lower().startswith(PAPER)):
        raise _no_text(f"This is {named.rstrip(',')}, not a text.")
    if text is not None and "\x00" in text or (text is None and b"\x00" in raw[: sniffing.HEAD]):
        raise _no_text("This file is no text.")
    if text is None:
        message = "This text is not encoded as UTF-8. Save it as UTF-8 and send it again."
        raise Invalid(message, code="text_not_utf8", details={"file": [message]})
    return text


def clean(text: str) -> str:
    """One kind of newline, no control characters, no marks of direction, no halves of characters. Visible words stay as they are."""
    if SURROGATES.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # halves that belong together, joined
    return UNSEEN.sub("", NEWLINES.sub("\n", text).replace("\t", " "))


def _no_text(message: str) -> UnsupportedMedia:
    return UnsupportedMedia(message, code="media_unsupported", details={"file": [message]})
