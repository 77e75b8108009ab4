"""Everything that can go wrong, as one tree. Knows no HTTP: `api/errors.py` maps it to status codes.

    InsightJourneyError
    ├── Unauthenticated         nobody, or a token that no longer counts
    ├── NotAllowed              somebody, but not for this
    ├── NotFound                not there, or somebody else's: the two look the same on purpose
    ├── Conflict                the thing is in a state that forbids it
    ├── Invalid                 bad input; `details` names the field
    │   ├── UnsupportedMedia    the file is of no kind that can be read
    │   └── TooLarge            over a limit of the settings
    ├── TooMany                 too often, or too much at once; `retry_after` says when it may be tried again
    ├── StorageFull             the disk has no room
    ├── Tampered                a sealed file or row is not what was written
    └── EngineError             a part failed; `transient` says whether trying again may help
        ├── GraphUnavailable    (transient)
        ├── QueueUnavailable    (transient)
        ├── ModelUnavailable    a model or its weights are not there
        ├── TranscriptionFailed
        └── AnalysisFailed

Every error has a stable `code` (snake_case, part of the API) and a sentence a person understands.
Messages never contain what a person wrote or said.
"""

from typing import Any


class InsightJourneyError(Exception):
    """Base of all errors of the product."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details or {}


class Unauthenticated(InsightJourneyError):
    code = "unauthenticated"


class NotAllowed(InsightJourneyError):
    code = "not_allowed"


class NotFound(InsightJourneyError):
    code = "not_found"


class Conflict(InsightJourneyError):
    code = "conflict"


class Invalid(InsightJourneyError):
    code = "invalid"


class UnsupportedMedia(Invalid):
    code = "unsupported_media"


class TooLarge(Invalid):
    code = "too_large"


class TooMany(InsightJourneyError):
    """Asked too often, or for too much at once. `retry_after` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: float, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class StorageFull(InsightJourneyError):
    code = "storage_full"


class Tampered(InsightJourneyError):
    code = "tampered"


class EngineError(InsightJourneyError):
    """A part failed. `transient` decides whether the pipeline tries again; `retry_after` is in seconds."""

    code = "engine_error"
    transient = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        transient: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.transient = type(self).transient if transient is None else transient
        self.retry_after = retry_after


class GraphUnavailable(EngineError):
    code = "graph_unavailable"
    transient = True


class QueueUnavailable(EngineError):
    code = "queue_unavailable"
    transient = True


class ModelUnavailable(EngineError):
    code = "model_unavailable"


class TranscriptionFailed(EngineError):
    code = "transcription_failed"


class AnalysisFailed(EngineError):
    code = "analysis_failed"
