"""What the stages do: transcribe, analyze, index, project. Each reads its input from the run and flushes its output to it."""

import importlib
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from insight_journey import encoder
from insight_journey.accounts.keys import keystore
from insight_journey.accounts.models import User
from insight_journey.analysis import crisis, evidence, moments
from insight_journey.analysis.base import ANALYZERS, Analysis, AnalysisJob, Usage
from insight_journey.crypto import Key
from insight_journey.errors import GraphUnavailable
from insight_journey.extensions import db, now
from insight_journey.graph.projection import moment_id
from insight_journey.sessions import budget, care, content, documents, identity, indexing, relay
from insight_journey.sessions.claims import Claim
from insight_journey.sessions.models import Media, MomentText, Run, Session
from insight_journey.transcription.base import TRANSCRIBERS, Transcript, TranscriptionJob
from insight_journey.transcription.text import parse_text

MOMENT = "moment"  # purpose of sealed moments
RELAY_SECONDS = 30  # a relay at work on the same person takes ours along, or leaves it to us, within moments


def user_key(run: Run) -> Key:
    return keystore.user(run.user_id)


def session_key(run: Run) -> Key:
    return keystore.session(user_key(run), run.session_id)


def transcribe(claim: Claim) -> None:
    """Media to transcript. Text is parsed, recordings go to the engine of the settings."""
    run = claim.run
    key = session_key(run)
    media = db.session.scalars(sa.select(Media).where(Media.session_id == run.session_id)).one()
    session, user = db.session.get_one(Session, run.session_id), db.session.get_one(User, run.user_id)
    name = content.file_name(key, media)
    owner = user_key(run).open_json("user", user.id, user.version, user.sealed)["display_name"]
    settings = current_app.extensions["settings"]
    engine, warnings = budget.choose_transcriber(settings, user)
    claim.pause()
    with current_app.extensions["storage"].open(media.path) as source:
        reader = key.reader(source, "media", str(media.id), media.digest)
        if media.kind == "text":
            transcript = parse_text(reader.read(), content.text_name(media.media_type), owner)
        else:
            job = TranscriptionJob(
                reader, name, media.media_type, session.language, session.speakers, claim.progress,
                lambda usd: claim.spend(Usage(cost_usd=usd)),
            )  # fmt: skip
            transcript = load(TRANSCRIBERS, engine)(settings).transcribe(job)
            claim.charge()
            transcript = replace(transcript, warnings=(*warnings, *transcript.warnings))
    _keep_transcript(claim, key, session, transcript)


def _keep_transcript(claim: Claim, key: Key, session: Session, transcript: Transcript) -> None:
    run = claim.run
    artifact = documents.write(key, run, documents.TRANSCRIPT, documents.transcript_document(transcript))
    db.session.flush()
    report = {
        **run.report, "transcriber": transcript.engine, "transcription_model": transcript.model,
        "language": transcript.language, "seconds": transcript.duration,
    }  # fmt: skip
    claim.hold(transcript_id=artifact.id, warnings=_merged(run.warnings, transcript.warnings), report=report)
    db.session.execute(sa.update(Session).where(Session.id == session.id).values(transcript_id=artifact.id))


def analyze(claim: Claim) -> None:
    """Transcript to moments, analysis and identities; marks the subgraph stale. Crisis is looked for before any analyzer."""
    run, key = claim.run, session_key(claim.run)
    transcript = documents.read_transcript(key, run.transcript_id)
    session, user = db.session.get_one(Session, run.session_id), db.session.get_one(User, run.user_id)
    settings = current_app.extensions["settings"]
    engine, warnings = budget.choose_analyzer(settings, user)
    today = session.occurred_at.astimezone(user.zone).date().isoformat()
    claim.pause()
    found = moments.segment(transcript)
    danger = crisis.find(found)
    job = AnalysisJob(found, transcript.language or session.language, today, claim.progress, claim.spend, danger)
    analysis = load(ANALYZERS, engine)(settings).analyze(job)
    claim.charge()
    mentions = evidence.timed_all(analysis.mentions, analysis.moments, transcript)
    withheld = tuple(sorted(danger.withheld.union(analysis.withheld)))
    analysis = replace(analysis, mentions=mentions, care=tuple(sorted(danger.flagged)), withheld=withheld)
    wordings = identity.worded(user_key(run), analysis, encoder.get(settings.encoder_model))
    said = identity.before(user_key(run), run.user_id, run.session_id, wordings)
    claim.pause()
    artifact = documents.write(key, run, documents.ANALYSIS, documents.analysis_document(analysis))
    _replace_moments(key, run, analysis)
    claim.hold(analysis_id=artifact.id, warnings=_merged(run.warnings, (*warnings, *analysis.warnings)), report=_report(run, analysis))
    flag = care.seal(key, artifact.id, flagged=bool(analysis.care))
    db.session.execute(sa.update(Session).where(Session.id == run.session_id).values(analysis_id=artifact.id, care=flag))
    relay.mark_stale(run.user_id, run.session_id)
    identity.decide(user_key(run), run.user_id, run.session_id, wordings, said)


def _report(run: Run, analysis: Analysis) -> dict[str, Any]:
    return {
        **run.report, "analyzer": analysis.analyzer, "analyzer_version": analysis.version, "analysis_model": analysis.model,
        "moments": len(analysis.moments), "mentions": len(analysis.mentions), "dropped": analysis.dropped,
        "input_tokens": analysis.usage.input_tokens, "output_tokens": analysis.usage.output_tokens,
        "cost_usd": analysis.usage.cost_usd,
    }  # fmt: skip


def _replace_moments(key: Key, run: Run, analysis: Analysis) -> None:
    db.session.execute(sa.delete(MomentText).where(MomentText.session_id == run.session_id))
    owner_key = user_key(run)
    for moment in analysis.moments:
        row_id = UUID(moment_id(owner_key, run.session_id, moment))
        flags = {"care": int(moment.position in analysis.care), "withheld": int(moment.position in analysis.withheld)}  # of one length
        words = {"text": moment.text, "speaker": moment.speaker, **flags}
        db.session.add(
            MomentText(
                id=row_id, session_id=run.session_id, position=moment.position, role=moment.role, start=moment.start,
                end=moment.end, version=run.number, sealed=key.seal_json(MOMENT, row_id, run.number, words),
            )
        )  # fmt: skip


def index(claim: Claim) -> None:
    """Analysis to what search looks into: vectors and hashed words, sealed in one file. The one before it goes."""
    run, key = claim.run, session_key(claim.run)
    analysis = documents.read_analysis(key, run.analysis_id)
    session = db.session.get_one(Session, run.session_id)
    rows = list(indexing.rows_of(user_key(run), session, analysis))
    claim.pause()
    made = indexing.make(rows, claim.progress)
    artifact = indexing.keep(key, run.session_id, run.id, made)
    warnings = () if made.encoder else (indexing.WORDS_ONLY,)
    claim.hold(index_id=artifact.id, warnings=_merged(run.warnings, warnings))
    db.session.execute(sa.update(Session).where(Session.id == run.session_id).values(index_id=artifact.id))


def project(claim: Claim) -> None:
    """Wait until the graph says what the analysis says: work off the user's marks, or let the relay at it do so."""
    deadline = time.monotonic() + RELAY_SECONDS
    claim.pause()
    while not relay.reconcile(claim.user_id, claim.session_id) and relay.is_stale(claim.session_id):
        if time.monotonic() > deadline:
            raise GraphUnavailable("Another worker has been writing this person's graph for long.", code="relay_busy")
        claim.pause()
        claim.progress(0)
        time.sleep(0.1)
    claim.hold(projected_at=now())


def _merged(before: list[str], more: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys((*before, *more)))


def load(table: dict[str, str], name: str) -> Any:
    """The class that a literal table names; imported only when chosen."""
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)
