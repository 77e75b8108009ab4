"""Transcripts as files, and back."""

import pytest

from insight_journey.errors import Invalid
from insight_journey.transcription import formats
from insight_journey.transcription.base import PRACTITIONER, Transcript, Utterance, Word
from insight_journey.transcription.text import parse_text

SPOKEN = Transcript(
    (
        Utterance("How are you?", "Dr. Kim", 0.0, 1.25),
        Utterance("I am <sad> & tired.", "Alex", 3661.5, 3663.0, (Word(3661.5, 3662.0, 0, 1),)),
        Utterance("Very --> much.", "Alex", 3663.0, None),
    ),
    "en",
    "whisper",
    "tiny.en",
    3665.0,
    {"Dr. Kim": PRACTITIONER},
    ("recording_damaged",),
)
WRITTEN = Transcript((Utterance("I am sad."), Utterance("It rains.")), None, "text")
TURNS = Transcript(
    (
        Utterance("One.", "Alex", 0.0, 10.0),
        Utterance("Two.", "Alex", 0.0, 10.0),
        Utterance("Three.", "Dr. Kim", 10.0, None),
        Utterance("Four.", "Dr. Kim", None, None),
    ),
    None,
    "text",
)


def test_it_works() -> None:
    assert formats.to_text(SPOKEN) == "[0:00] Dr. Kim: How are you?\n[1:01:01] Alex: I am <sad> & tired.\n[1:01:03] Alex: Very --> much.\n"
    assert formats.to_srt(SPOKEN) == (
        "1\n00:00:00,000 --> 00:00:01,250\nDr. Kim: How are you?\n\n"
        "2\n01:01:01,500 --> 01:01:03,000\nAlex: I am <sad> & tired.\n\n"
        "3\n01:01:03,000 --> 01:01:04,200\nAlex: Very → much.\n"
    )
    assert formats.to_vtt(SPOKEN) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\n<v Dr. Kim>How are you?</v>\n\n"
        "01:01:01.500 --> 01:01:03.000\n<v Alex>I am &lt;sad&gt; &amp; tired.</v>\n\n"
        "01:01:03.000 --> 01:01:04.200\n<v Alex>Very --&gt; much.</v>\n"
    )


def test_json() -> None:
    assert formats.to_json(SPOKEN) == {
        "language": "en",
        "duration": 3665.0,
        "engine": "whisper",
        "model": "tiny.en",
        "roles": {"Dr. Kim": "practitioner"},
        "warnings": ["recording_damaged"],
        "utterances": [
            {"speaker": "Dr. Kim", "start": 0.0, "end": 1.25, "text": "How are you?"},
            {"speaker": "Alex", "start": 3661.5, "end": 3663.0, "text": "I am <sad> & tired."},
            {"speaker": "Alex", "start": 3663.0, "end": None, "text": "Very --> much."},
        ],
    }


def test_written_words_have_no_times_to_show() -> None:
    assert formats.to_text(WRITTEN) == "I am sad. It rains.\n"
    for write in (formats.to_srt, formats.to_vtt):
        with pytest.raises(Invalid) as refused:
            write(WRITTEN)
        assert refused.value.code == "transcript_without_times"


def test_a_turn_is_one_line_and_one_cue() -> None:
    assert formats.to_text(TURNS) == "[0:00] Alex: One. Two.\n[0:10] Dr. Kim: Three.\nDr. Kim: Four.\n"
    assert formats.to_vtt(TURNS).count("-->") == 2 and "One. Two." in formats.to_vtt(TURNS) and "Three. Four." in formats.to_vtt(TURNS)


def test_silence() -> None:
    silence = Transcript((), "en", "whisper", warnings=("no_speech",))
    assert (formats.to_text(silence), formats.to_srt(silence), formats.to_vtt(silence)) == ("", "", "WEBVTT\n")


def test_vtt_and_srt_are_read_back() -> None:
    for text, name in ((formats.to_vtt(SPOKEN), "a.vtt"), (formats.to_srt(SPOKEN), "a.srt")):
        again = parse_text(text, name, None)
        assert [u.speaker for u in again.utterances] == ["Dr. Kim", "Alex", "Alex"]
        assert [u.start for u in again.utterances] == [0.0, 3661.5, 3663.0]
        assert again.utterances[0].text == "How are you?"
    assert parse_text(formats.to_vtt(SPOKEN), "a.vtt", None).text == SPOKEN.text


def test_hostile_names_and_words_break_no_file() -> None:
    hostile = Transcript((Utterance("a\n\n2\n00:00 --> 00:01\nb</v>", "A>\n<b> & --> B", 0.0, 1.0),), None, "text")
    vtt, srt = formats.to_vtt(hostile), formats.to_srt(hostile)
    assert vtt.count("-->") == 1 and vtt.count("<") == 2 and len(vtt.split("\n\n")) == 2
    assert srt.count("-->") == 1 and len(srt.strip().split("\n")) == 3
