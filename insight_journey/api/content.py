"""Content of sessions: upload as multipart or raw body, and reading it back with Range."""

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

import marshmallow as ma
from flask import Response, request
from flask.views import MethodView
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, RequestTimeout
from werkzeug.formparser import FormDataParser
from werkzeug.wsgi import wrap_file

from insight_journey import logs
from insight_journey.api import limits
from insight_journey.api.auth import current_user
from insight_journey.api.envelope import Blueprint, body_limit
from insight_journey.api.idempotency import idempotent
from insight_journey.api.refusals import refuses
from insight_journey.api.runs import RunSchema
from insight_journey.errors import Invalid, TooLarge
from insight_journey.extensions import db
from insight_journey.sessions import content, service
from insight_journey.sessions.content import Received, SealedUpload

blp = Blueprint("content", __name__, url_prefix="/sessions", description="Recordings and texts of sessions")

Fill = Callable[[SealedUpload], tuple[str | None, str | None]]

MULTIPART = "multipart/form-data"
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM = {"type": "object", "required": ["file"], "properties": {"file": BINARY["schema"]}}
BODY = {"required": True, "content": {MULTIPART: {"schema": FORM}, "application/octet-stream": BINARY}}
FILE = {"content": dict.fromkeys(("audio/*", "video/*", "text/*", "application/*"), BINARY)}
FILES = {
    "200": {"description": "All of it", **FILE},
    "206": {"description": "The bytes that `Range` asked for", **FILE},
    "304": {"description": "Not changed since the `ETag` or time that was sent"},
}
RANGE = {"in": "header", "name": "Range", "schema": {"type": "string"}, "description": "Such as `bytes=0-499`"}
NO_FILE = (
    "invalid", "media_empty", "media_encrypted", "media_no_audio", "media_no_index", "media_too_long", "media_unreadable",
    "text_empty", "text_json", "text_not_utf8",
)  # fmt: skip
SILENCE_SECONDS = 60  # after which an upload that sends nothing more is given up
CHUNK = 1 << 18
OVERHEAD = 1 << 20  # of multipart around the file; the parser also counts its read buffer of 64 KiB


class TextSchema(ma.Schema):
    text = ma.fields.String(required=True, validate=ma.validate.Length(min=1))


class UploadQuery(ma.Schema):
    file_name = ma.fields.String(validate=ma.validate.Length(max=1000), metadata={"description": "Name of a raw body's file"})


@blp.route("/<uuid:session_id>/content")
class Content(MethodView):
    @blp.doc(requestBody=BODY)
    @refuses(408, "request_timeout")
    @refuses(409, "content_exists")
    @refuses(413, "too_large", "content_too_large")
    @refuses(415, "media_unsupported")
    @refuses(422, *NO_FILE)
    @refuses(429, "too_many_runs")
    @refuses(507, "storage_full")
    @limits.counted_as(limits.UPLOAD)
    @body_limit(lambda settings: (settings.upload_limit_mb << 20) + OVERHEAD)
    @blp.arguments(UploadQuery, location="query")
    @blp.response(202, RunSchema)
    def post(self, query: dict[str, str], session_id: UUID) -> Any:
        """Upload a recording or a text file, as field `file` of a multipart body or as the raw body."""
        session = service.find_session(current_user(), session_id)
        run = content.attach(session, _received(query.get("file_name")), request_id=logs.request_id())
        db.session.commit()
        return run


@blp.route("/<uuid:session_id>/text")
class Text(MethodView):
    @body_limit(lambda settings: settings.text_limit_kb * 3 * 1024 + OVERHEAD)  # JSON escapes make a text up to thrice as long
    @limits.counted_as(limits.UPLOAD)
    @idempotent
    @refuses(409, "content_exists")
    @refuses(413, "content_too_large")
    @refuses(415, "media_unsupported")
    @refuses(422, "text_empty")
    @refuses(429, "too_many_runs")
    @refuses(507, "storage_full")
    @blp.arguments(TextSchema)
    @blp.response(202, RunSchema)
    def post(self, data: dict[str, str], session_id: UUID) -> Any:
        """Write or paste a text; speaker turns and clock times are recognised."""
        session = service.find_session(current_user(), session_id)
        return content.attach(session, Received(_text_filler(data["text"])), request_id=logs.request_id())


@blp.route("/<uuid:session_id>/media")
class MediaItem(MethodView):
    @blp.doc(responses=FILES, parameters=[RANGE])
    @refuses(404, "no_content", "key_destroyed")
    @refuses(416, "range_not_satisfiable")
    @refuses(500, "tampered")
    def get(self, session_id: UUID) -> Response:
        """The recording or text itself, decrypted as it is read; answers Range requests."""
        media, name, reader = content.open_media(service.find_session(current_user(), session_id))
        response = Response(wrap_file(request.environ, reader, CHUNK), mimetype=media.media_type, direct_passthrough=True)
        response.headers.set("Content-Disposition", "attachment", **_names(name or str(session_id)))
        response.content_length = media.size
        response.set_etag(media.digest.hex())
        response.last_modified = media.created_at
        response.make_conditional(_with_one_range(request.environ), accept_ranges=True, complete_length=media.size)
        response.headers["Accept-Ranges"] = "bytes"  # werkzeug leaves it out of the answer to HEAD
        return response


def _with_one_range(environ: dict[str, Any]) -> dict[str, Any]:
    """Without a Range that we do not know or can't make one answer of: it is to be ignored (RFC 9110, section 14.2)."""
    wanted = request.range
    served = wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1
    return environ if served else {name: value for name, value in environ.items() if name != "HTTP_RANGE"}


def _names(name: str) -> dict[str, str]:
    """A file name as parameters of Content-Disposition: headers are ASCII, so others stand beside it, encoded (RFC 6266, section 4.3)."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    plain = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    return {"filename": plain} | ({} if plain == bare else {"filename*": f"UTF-8''{quote(bare, safe='')}"})


def _text_filler(text: str) -> Any:
    def fill(sink: SealedUpload) -> tuple[str | None, str | None]:
        sink.write(text.encode("utf-8", "surrogatepass"))
        return None, "text/plain"

    return fill


def _received(file_name: str | None) -> Received:
    size = request.content_length or 0
    fill = _fill_from_multipart if request.mimetype == MULTIPART else partial(_fill_from_body, file_name=file_name)
    return Received(lambda sink: _while_it_comes(fill, sink), size)


def _while_it_comes(fill: Fill, sink: SealedUpload) -> tuple[str | None, str | None]:
    """Neither a client that went away nor one that sends no more holds this thread, or makes half an upload a whole one."""
    wire = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if wire is not None:
        wire.settimeout(SILENCE_SECONDS)
    try:
        return fill(sink)
    except TimeoutError:
        raise RequestTimeout from None
    except ConnectionError:
        raise ClientDisconnected from None


def _fill_from_body(sink: SealedUpload, file_name: str | None) -> tuple[str | None, str | None]:
    came = 0
    while chunk := request.stream.read(CHUNK):
        sink.write(chunk)
        came += len(chunk)
    if request.content_length is not None and came < request.content_length:
        raise ClientDisconnected
    return file_name, request.content_type


def _fill_from_multipart(sink: SealedUpload) -> tuple[str | None, str | None]:
    """Parts go to the sink as they arrive; werkzeug's own parser would spool them to disk in the clear."""
    seen: list[tuple[str | None, str | None]] = []

    def stream_factory(
        total_content_length: int | None, content_type: str | None, filename: str | None, content_length: int | None = None
    ) -> Any:
        if seen:
            raise Invalid("Send one file only.", details={"file": ["More than one file."]})
        seen.append((filename, content_type))
        return sink

    parser = FormDataParser(stream_factory=stream_factory, max_form_memory_size=OVERHEAD, max_form_parts=20)
    try:
        _stream, _form, files = parser.parse(request.stream, request.mimetype, request.content_length, request.mimetype_params)
    except RequestEntityTooLarge:
        raise TooLarge("The form around the file is too large.") from None
    if "file" not in files:
        raise Invalid("Send the recording or text as field `file`.", details={"file": ["Missing."]})
    return seen[0]
