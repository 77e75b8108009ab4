"""Transcription by an OpenAI-compatible API: real recordings, over real HTTP, against a server that can misbehave."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from insight_journey.errors import Invalid, TranscriptionFailed
from insight_journey.settings import Settings
from insight_journey.transcription import openai
from insight_journey.transcription.base import Transcript, TranscriptionJob
from insight_journey.transcription.languages import code_of
from insight_journey.transcription.openai import OpenAITranscriber, TimedWord, aligned
from insight_journey.transcription.stretches import stretches
from tests import media
from tests.stub_openai import KEY, Reply, Request, Stub, as_json, dropped, failing, heard, slow


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


def settings(stub: Stub, **values: Any) -> Settings:
    chosen = {"openai_base_url": stub.url, "openai_api_key": KEY, "openai_timeout_seconds": 5, "retry_seconds": 0.01, **values}
    return Settings(home=Path("unused"), **chosen)


def job(
    recording: bytes, *, language: str | None = None, speakers: int | None = None, progress: Callable[[float], None] = lambda _: None
) -> TranscriptionJob:
    return TranscriptionJob(io.BytesIO(recording), "Ann Example.wav", "audio/wav", language, speakers, progress)


def transcribe(stub: Stub, recording: bytes, **values: Any) -> Transcript:
    return OpenAITranscriber(settings(stub)).transcribe(job(recording, **values))


def spoken(seconds: float) -> bytes:
    """A recording of this length: a voice again and again."""
    return media.encode(np.resize(media.voice(), int(seconds * media.RATE)), "flac")


def seconds_of(request: Request) -> float:
    with av.open(io.BytesIO(request.file)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / 16_000


def untimed(request: Request) -> Reply:
    """A server that knows `json` alone."""
    if request.body["response_format"] == ["verbose_json"]:
        return failing(400, "response_format 'verbose_json' is not compatible with this model", param="response_format")
    return heard("I felt anxious. Then I slept.")


def test_it_works(stub: Stub) -> None:
    words = [("I", 0.0, 0.2), ("felt", 0.3, 0.5), ("anxious", 0.5, 1.0), ("Then", 1.2, 1.4), ("I", 1.5, 1.6), ("slept", 1.6, 2.0)]
    stub.script = [heard("I felt anxious. Then, I slept.", words)]
    transcript = transcribe(stub, spoken(5))
    assert [(u.text, u.start, u.end) for u in transcript.utterances] == [("I felt anxious.", 0.0, 1.0), ("Then, I slept.", 1.2, 2.0)]
    first = transcript.utterances[0]
    assert [first.text[w.offset : w.offset + w.length] for w in first.words] == ["I", "felt", "anxious."]
    assert (transcript.engine, transcript.model, transcript.language) == ("openai", "whisper-1", "en")
    assert transcript.duration == pytest.approx(5, abs=0.1)
    assert (transcript.roles, transcript.warnings) == ({}, ())


def test_the_wire(stub: Stub) -> None:
    transcribe(stub, media.encode(media.voice(), "m4a"), language="en-GB")
    (request,) = stub.requests
    assert request.path == "/v1/audio/transcriptions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert not [name for name in request.headers if name.startswith("x-")]
    assert request.file_name == "audio.flac"
    assert b"Example" not in request.raw
    assert request.body == {
        "model": ["whisper-1"], "response_format": ["verbose_json"], "language": ["en"], "timestamp_granularities[]": ["word", "segment"],
    }  # fmt: skip
    assert seconds_of(request) == pytest.approx(10, abs=0.2)


def test_the_language_is_not_invented(stub: Stub) -> None:
    stub.script = [heard("Ich war stolz.", [("Ich", 0, 0.2), ("war", 0.2, 0.4), ("stolz", 0.4, 1)], language="german")]
    assert transcribe(stub, spoken(3)).language == "de"
    assert "language" not in stub.requests[0].body


@pytest.mark.parametrize(("said", "code"), [("german", "de"), ("en", "en"), ("pt-BR", "pt"), ("klingon", None), (None, None)])
def test_code_of(said: str | None, code: str | None) -> None:
    assert code_of(said) == code


def test_silence_is_not_sent(stub: Stub) -> None:
    transcript = transcribe(stub, media.encode(media.silence(4), "flac"))
    assert (transcript.utterances, transcript.warnings) == ((), ("no_speech",))
    assert stub.requests == []


def test_what_is_made_up_of_noise_is_left_out(stub: Stub) -> None:
    made_up = {"id": 0, "start": 0.0, "end": 3.0, "text": " Thanks for watching!", "no_speech_prob": 0.9, "avg_logprob": -1.4}
    stub.script = [as_json({"text": "Thanks for watching!", "language": "english", "segments": [made_up], "words": []})]
    transcript = transcribe(stub, media.encode(media.noise(3), "flac"))
    assert (transcript.utterances, transcript.language, transcript.warnings) == ((), None, ("no_speech",))


def test_two_voices_on_two_channels(stub: Stub) -> None:
    transcript = transcribe(stub, media.encode(media.alternating(), "flac"))
    assert len(stub.requests) == 2
    assert {u.speaker for u in transcript.utterances} == {"Speaker 1", "Speaker 2"}
    assert set(transcript.roles.values()) == {"unknown"}
    assert transcript.warnings == ("speakers_unknown",)


# -- long recordings ---------------------------------------------------------------------------------------------------


def test_a_long_recording_goes_in_stretches(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "LONGEST", 20 * 16_000)
    transcript = transcribe(stub, spoken(50))
    lengths = [seconds_of(request) for request in stub.requests]
    assert max(lengths) <= 20.001
    assert sum(lengths) == pytest.approx(50, abs=0.1)
    starts = [u.start for u in transcript.utterances]
    assert starts == sorted(starts)
    assert len(starts) == len(lengths)
    assert starts[0] == 0
    assert starts[-1] > 30


def test_ten_minutes_stay_below_the_limit_of_the_api() -> None:
    loud = (np.random.default_rng(1).random(600 * 16_000) * 65_535 - 32_768).astype(np.int16)
    assert len(openai.encode(loud)) < 25_000_000


def test_stretches_are_cut_where_it_is_quiet() -> None:
    samples = np.concatenate([media.noise(16, 0.3), media.silence(1), media.noise(20, 0.3)])
    (_, cut), *rest = list(stretches(samples, 20 * 16_000))
    assert 16 * 16_000 < cut < 17 * 16_000
    assert rest[0][0] == cut
    assert rest[-1][1] == len(samples)


def test_a_stretch_too_long_for_the_server_is_halved(stub: Stub) -> None:
    stub.listener = lambda request: failing(413, "too large") if seconds_of(request) > 40 else heard("So.", [("So", 0.5, 1)])
    transcript = transcribe(stub, spoken(70))
    assert len(transcript.utterances) >= 2
    assert transcript.utterances[-1].start > 30


def test_a_server_that_takes_nothing_is_a_failure(stub: Stub) -> None:
    stub.listener = lambda request: failing(413, "too large")
    with pytest.raises(TranscriptionFailed) as caught:
        transcribe(stub, spoken(40))
    assert (caught.value.code, caught.value.transient) == ("llm_context_too_small", False)


# -- servers that have less --------------------------------------------------------------------------------------------


def test_text_alone_gets_estimated_times(stub: Stub) -> None:
    stub.listener = untimed
    transcript = transcribe(stub, spoken(10))
    assert [u.text for u in transcript.utterances] == ["I felt anxious.", "Then I slept."]
    first, second = transcript.utterances
    assert (first.start, second.end) == (0.0, pytest.approx(10, abs=0.1))
    assert first.end == second.start
    assert transcript.warnings == ("times_estimated",)


def test_text_alone_is_asked_for_a_minute_at_a_time(stub: Stub) -> None:
    stub.listener = untimed
    transcript = transcribe(stub, spoken(130))
    plain = [seconds_of(request) for request in stub.requests if request.body["response_format"] == ["json"]]
    assert max(plain) <= 60.001
    assert len(plain) == 3
    assert transcript.utterances[-1].start > 80


def test_a_server_that_ignores_the_wish_for_times(stub: Stub) -> None:
    stub.listener = lambda request: heard("Well.")
    transcript = transcribe(stub, spoken(70))
    assert transcript.utterances[-1].start > 20
    assert transcript.warnings == ("times_estimated",)


def test_segments_without_words(stub: Stub) -> None:
    segments = [{"start": 0.0, "end": 4.0, "text": " I was sad. I left."}, {"start": 6.0, "end": 8.0, "text": " Good."}]
    stub.script = [
        failing(400, "timestamp_granularities is not supported"),
        as_json({"text": "I was sad. I left. Good.", "language": "en", "segments": segments}),
    ]
    transcript = transcribe(stub, spoken(9))
    assert [(u.text, u.start, u.end) for u in transcript.utterances] == [
        ("I was sad.", 0.0, 2.35),
        ("I left.", 2.35, 4.0),
        ("Good.", 6.0, 8.0),
    ]
    assert "timestamp_granularities[]" not in stub.requests[1].body
    assert transcript.warnings == ()


def test_a_server_that_refuses_the_plainest_request(stub: Stub) -> None:
    stub.listener = lambda request: failing(400, "no", param="response_format")
    with pytest.raises(TranscriptionFailed) as caught:
        transcribe(stub, spoken(3))
    assert caught.value.code == "llm_bad_request"
    assert len(stub.requests) == 2


@pytest.mark.parametrize(
    ("text", "words", "pieces"),
    [
        ("I felt it.", ["I", "felt", "it"], ["I", " felt", " it."]),
        ('He said: "No," then left.', ["He", "said", "No", "then", "left"], ["He", " said:", ' "No,"', " then", " left."]),
        ("I don't.", ["I", "don", "'t"], ["I", " don", "'t."]),
        ("That is 50%.", ["That", "is", "fifty"], ["That", " is 50%."]),
        ("今日は。悲しい。", ["今日", "は", "悲しい"], ["今日", "は。", "悲しい。"]),
        ("", ["I", "felt"], [" I", " felt"]),
    ],
)
def test_words_are_found_in_the_text(text: str, words: list[str], pieces: list[str]) -> None:
    timed = [TimedWord(word=word, start=n, end=n + 0.5) for n, word in enumerate(words)]
    assert [word.text for word in aligned(text, timed, 10.0)] == pieces
    assert aligned(text, timed, 10.0)[0].start == 10.0


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [failing(429, retry_after=0.01), failing(500), dropped()])
def test_a_passing_fault_changes_nothing(stub: Stub, reply: Reply) -> None:
    stub.script = [reply]
    assert len(transcribe(stub, spoken(3)).utterances) == 1
    assert stub.requests[0].file == stub.requests[1].file


@pytest.mark.parametrize(
    ("reply", "code", "transient"),
    [
        (failing(503), "llm_unavailable", True),
        (failing(401, KEY), "llm_unauthorized", False),
        (failing(429, "insufficient_quota"), "llm_quota_spent", False),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), "llm_unreadable", True),
        (as_json({"words": []}), "llm_unreadable", True),
        (as_json({"text": "x", "words": [{"word": "x", "start": "soon", "end": 1}]}), "llm_unreadable", True),
    ],
)
def test_a_lasting_fault_fails(stub: Stub, reply: Reply, code: str, transient: bool) -> None:
    stub.listener = lambda request: reply
    with pytest.raises(TranscriptionFailed) as caught:
        transcribe(stub, spoken(3))
    assert (caught.value.code, caught.value.transient) == (code, transient)
    assert KEY not in caught.value.message


def test_time_out(stub: Stub) -> None:
    stub.listener = lambda request: slow(5)
    with pytest.raises(TranscriptionFailed) as caught:
        OpenAITranscriber(settings(stub, openai_timeout_seconds=0.2)).transcribe(job(spoken(3)))
    assert (caught.value.code, caught.value.transient) == ("llm_timeout", True)


def test_what_is_no_recording_is_not_sent(stub: Stub) -> None:
    with pytest.raises(Invalid):
        transcribe(stub, b"ffconcat version 1.0\nfile secret.wav\n")
    assert stub.requests == []


def test_progress_rises_to_one(stub: Stub) -> None:
    told: list[float] = []
    transcribe(stub, spoken(3), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_cancelled_it_stops(stub: Stub) -> None:
    class Cancelled(Exception):
        pass

    def cancel(done: float) -> None:
        if done >= 0.1:
            raise Cancelled

    stub.listener = lambda request: slow(3)
    with pytest.raises(Cancelled):
        transcribe(stub, spoken(3), progress=cancel)
