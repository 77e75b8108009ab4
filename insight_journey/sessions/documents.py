"""Transcripts, analyses and indexes as sealed, immutable documents in storage.

Each attempt writes a path of its own; the commit that names the path makes it the artifact, so a fenced-off worker
can leave a file behind but never replace one.
"""

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import current_app

from insight_journey.analysis.base import Analysis, Mention, Moment, Usage
from insight_journey.crypto import Key
from insight_journey.extensions import db, new_id
from insight_journey.sessions.models import Artifact, Run
from insight_journey.transcription.base import Transcript, Utterance, Word

TRANSCRIPT, ANALYSIS, INDEX = "transcript", "analysis", "index"


def folder(session_id: UUID) -> str:
    """The storage folder of a session."""
    return f"sessions/{session_id}"


def write(key: Key, run: Run, kind: str, document: dict[str, Any]) -> Artifact:
    """Seal and store a document; flushes the row that names it."""
    return write_bytes(key, run.session_id, run.id, kind, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def write_bytes(key: Key, session_id: UUID, run_id: UUID, kind: str, data: bytes) -> Artifact:
    """The same for what is no JSON."""
    artifact_id = new_id()
    path = f"{folder(session_id)}/{artifact_id}.{kind}"
    with current_app.extensions["storage"].create(path) as sink:
        writer = key.writer(sink, kind, str(artifact_id))
        writer.write(data)
        sealed = writer.finish()
    artifact = Artifact(id=artifact_id, session_id=session_id, run_id=run_id, kind=kind, path=path, digest=sealed.digest)
    db.session.add(artifact)
    return artifact


def read(key: Key, artifact_id: UUID | None) -> dict[str, Any]:
    """Open a document. Raises Tampered where it is not what was written."""
    document: dict[str, Any] = json.loads(read_bytes(key, db.session.get_one(Artifact, artifact_id)))
    return document


def read_bytes(key: Key, artifact: Artifact) -> bytes:
    """The same for what is no JSON."""
    with current_app.extensions["storage"].open(artifact.path) as source:
        return key.reader(source, artifact.kind, str(artifact.id), artifact.digest).read()


def remove(artifact: Artifact) -> None:
    """Take a document away: its row now, its file after the commit."""
    storage, path = current_app.extensions["storage"], artifact.path
    db.session.delete(artifact)
    db.after_commit(lambda: storage.delete(path))


def transcript_document(transcript: Transcript) -> dict[str, Any]:
    """A transcript as JSON types. Words are rows of [start, end, offset, length], to be small."""
    document = asdict(transcript)
    for utterance, row in zip(transcript.utterances, document["utterances"], strict=True):
        row["words"] = [[w.start, w.end, w.offset, w.length] for w in utterance.words]
    return document


def transcript_from(document: dict[str, Any]) -> Transcript:
    utterances = tuple(Utterance(**{**row, "words": tuple(Word(*word) for word in row["words"])}) for row in document["utterances"])
    return Transcript(**{**document, "utterances": utterances, "warnings": tuple(document["warnings"])})


def analysis_document(analysis: Analysis) -> dict[str, Any]:
    return asdict(analysis)


def analysis_from(document: dict[str, Any]) -> Analysis:
    return Analysis(
        **{
            **document,
            "moments": tuple(Moment(**row) for row in document["moments"]),
            "mentions": tuple(Mention(**row) for row in document["mentions"]),
            "usage": Usage(**document["usage"]),
            **{name: tuple(document.get(name, ())) for name in ("warnings", "care", "withheld")},
        }
    )


def read_transcript(key: Key, artifact_id: UUID | None) -> Transcript:
    return transcript_from(read(key, artifact_id))


def read_analysis(key: Key, artifact_id: UUID | None) -> Analysis:
    return analysis_from(read(key, artifact_id))
