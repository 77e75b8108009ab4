"""Logs: one JSON object a line on stderr, with the request's id; nothing personal.

Our own lines hold names we chose and plain values. What others put into a log is not trusted: of a foreign line only
its place is kept, of an exception its type and our own frames. Messages of exceptions can hold what a person wrote.
"""

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO
from uuid import UUID

import structlog
from structlog.contextvars import get_contextvars, merge_contextvars

from insight_journey.errors import InsightJourneyError

PACKAGE = Path(__file__).parent
LONGEST = 200
SECRET_KEYS = re.compile(r"passw|secret|token|authori|cookie|e_?mail|title|name$|text|quote|content|body|url", re.I)
SECRET_VALUES = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|eyJ[\w-]+\.[\w-]+|://[^/\s:]*:[^@\s]+@")
TRUSTED = ("insight_journey", "gunicorn.error", "circus")  # foreign loggers that only tell of processes

EventDict = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(level: str = "INFO") -> None:
    """Send all logging of this process through our formatter. Safe to call again."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_before(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not isinstance(h, StderrHandler)]
    root.addHandler(StderrHandler())
    root.setLevel(level)


def request_id() -> str | None:
    """Id of the request, or of the request that caused the job, that this thread works for."""
    found = get_contextvars().get("request_id")
    return str(found) if found else None


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at the moment of writing."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[_foreign, *_before()],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(default=_type_name),
                ],
                keep_exc_info=False,
                keep_stack_info=False,
            )
        )

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        raise AttributeError("fixed to sys.stderr")


def _before() -> list[Any]:
    return [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _describe_exception,
        _redact,
    ]


def _foreign(_logger: Any, _method: str, event: EventDict) -> EventDict:
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    event["place"] = f"{Path(record.pathname).name}:{record.lineno}"
    if not record.name.startswith(TRUSTED):
        event["event"] = "foreign_line"
    return event


def _describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    found = _exc_info(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if found:
        event["exception"] = describe(found[1])
    return event


def _exc_info(value: Any) -> ExcInfo | None:
    if isinstance(value, BaseException):
        return type(value), value, value.__traceback__
    if isinstance(value, tuple):
        return value if value[0] else None
    found = sys.exc_info() if value else (None, None, None)
    return found if found[0] else None


def describe(error: BaseException) -> dict[str, Any]:
    """An exception for the log: its type, our code where it has one, and our own frames, innermost last."""
    frames = [
        f"{Path(f.filename).relative_to(PACKAGE)}:{f.lineno} {f.name}"
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).is_relative_to(PACKAGE)
    ]
    described: dict[str, Any] = {"type": type(error).__name__, "frames": frames}
    if isinstance(error, InsightJourneyError):
        described["code"] = error.code
    if error.__cause__ is not None:
        described["cause"] = type(error.__cause__).__name__
    return described


def _redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if key not in ("_record", "_from_structlog"):
            event[key] = _plain(key, value)
    return event


def _plain(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if SECRET_KEYS.search(key):
        return "[redacted]"
    if isinstance(value, UUID | datetime | date):
        return str(value)
    if isinstance(value, str):
        return SECRET_VALUES.sub("[redacted]", value)[:LONGEST]
    if isinstance(value, list | tuple):
        return [_plain(key, v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(str(k), v) for k, v in value.items()}
    return _type_name(value)


def _type_name(value: Any) -> str:
    return f"<{type(value).__name__}>"
