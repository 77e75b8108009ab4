"""Written sessions in every shape that people and programs save them in."""

import json
from importlib import resources

import pytest

from insight_journey.errors import Invalid, UnsupportedMedia
from insight_journey.transcription.base import CLIENT, PRACTITIONER, UNKNOWN, Transcript
from insight_journey.transcription.text import parse_text


def parse(text: str | bytes, name: str | None = None, owner: str | None = None) -> Transcript:
    return parse_text(text, name, owner)


def lines(transcript: Transcript) -> list[tuple[str | None, str]]:
    return [(u.speaker, u.text) for u in transcript.utterances]


def times(transcript: Transcript) -> list[tuple[float | None, float | None]]:
    return [(u.start, u.end) for u in transcript.utterances]


def test_it_works() -> None:
    session = resources.files("insight_journey.samples").joinpath("session.txt").read_bytes()
    transcript = parse(session, "session.txt")
    assert transcript.engine == "text" and transcript.language is None and transcript.duration is None
    assert transcript.roles == {"Dr. Imogen Ashdown": PRACTITIONER, "Maya": CLIENT}
    assert transcript.warnings == ()
    assert lines(transcript)[:3] == [
        ("Dr. Imogen Ashdown", "Good morning, Maya."),
        ("Dr. Imogen Ashdown", "How have you been since we last met?"),
        ("Maya", "Tired, mostly."),
    ]
    assert times(transcript)[:3] == [(0.0, 60.0), (0.0, 60.0), (60.0, 180.0)]
    assert not any("(" in u.text or "Date" in u.text or "End of session" in u.text for u in transcript.utterances)


# -- prose -----------------------------------------------------------------------------------------------------------


def test_prose_is_cut_in_sentences_of_nobody_in_particular() -> None:
    transcript = parse("I saw Dr. Kim at 10:30 a.m. today. She was kind!\n\nI feel better… a bit (really). Note: call my sister.")
    assert [text for _, text in lines(transcript)] == [
        "I saw Dr. Kim at 10:30 a.m. today.",
        "She was kind!",
        "I feel better… a bit (really).",
        "Note: call my sister.",
    ]
    assert {speaker for speaker, _ in lines(transcript)} == {None}
    assert transcript.roles == {} and times(transcript)[0] == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "Note: I was tired.\nThen I slept.\nhttps://example.org is a page.\nRemember: be kind.",
        "Mood: low\nSleep: 6 hours\nMood: better\nSleep: 8 hours\nMood: good\nSleep: 7 hours",
        "I said to him: stop it. He said to me: never. At 10:30 I left.\nI thought about it: it was right.",
        "10:30 is when I woke up, and I lay there for a long while.",
        "Three things: my cat, my dog.\nTwo wishes: rest, sun.",
    ],
)
def test_a_word_and_a_colon_is_no_speaker(text: str) -> None:
    transcript = parse(text)
    assert {speaker for speaker, _ in lines(transcript)} == {None}
    assert "".join(transcript.text.split()) == "".join(text.split())


def test_lines_that_an_editor_has_broken_are_joined() -> None:
    text = "I have been thinking a lot about the way that we live and\nwhat it does to us. Then\nnothing.\nMilk\nBread"
    assert [t for _, t in lines(parse(text))] == [
        "I have been thinking a lot about the way that we live and what it does to us.",
        "Then nothing.",
        "Milk",
        "Bread",
    ]


def test_lower_case_writers_are_understood() -> None:
    assert [t for _, t in lines(parse("i feel sad. i don't know why. maybe it is the rain"))] == [
        "i feel sad.",
        "i don't know why.",
        "maybe it is the rain",
    ]


def test_markdown_loses_its_marks_and_keeps_its_words() -> None:
    text = "---\ntitle: x\n---\n# My *week*\n\n- I felt **really** sad.\n- I am 2 * 3.\n\n> so [it](https://example.org) goes, snake_case"
    assert [t for _, t in lines(parse(text, "week.md"))] == [
        "My week",
        "I felt really sad.",
        "I am 2 * 3.",
        "so it goes, snake_case",
    ]


# -- turns -----------------------------------------------------------------------------------------------------------

TURNS = [("Alex", "I feel anxious."), ("Dr. Kim", "Since when?"), ("Alex", "Since May.")]


@pytest.mark.parametrize(
    "text",
    [
        "[10:05] Alex: I feel anxious.\n[10:06] Dr. Kim: Since when?\n[10:07] Alex: Since May.",
        "10:05 Alex: I feel anxious.\n10:06 Dr. Kim: Since when?\n10:07 Alex: Since May.",
        "10:05 AM - Alex: I feel anxious.\n10:06 AM - Dr. Kim: Since when?\n10:07 AM - Alex: Since May.",
        "Alex (10:05): I feel anxious.\nDr. Kim (10:06): Since when?\nAlex (10:07): Since May.",
        "Alex [10:05]: I feel anxious.\r\nDr. Kim [10:06]: Since when?\r\nAlex [10:07]: Since May.",
        "**[10:05] Alex:** I feel anxious.  \n**[10:06] Dr. Kim:** Since when?  \n**[10:07] Alex:** Since May.",
        "**10:05**\nAlex: I feel anxious.\n\n**10:06**\nDr. Kim: Since when?\n\n**10:07**\nAlex: Since May.",
        "Alex 10:05\nI feel anxious.\n\nDr. Kim 10:06\nSince when?\n\nAlex 10:07\nSince May.",
    ],
)
def test_turns_with_clocks(text: str) -> None:
    transcript = parse(text)
    assert lines(transcript) == TURNS
    assert times(transcript) == [(0.0, 60.0), (60.0, 120.0), (120.0, None)]
    assert transcript.roles == {"Alex": CLIENT, "Dr. Kim": PRACTITIONER}


@pytest.mark.parametrize(
    "text",
    [
        "Alex: I feel anxious.\nDr. Kim: Since when?\nAlex: Since May.",
        "Alex:\nI feel anxious.\n\nDr. Kim:\nSince when?\n\nAlex:\nSince May.",
        "[Alex]: I feel anxious.\n[Dr. Kim]: Since when?\n[Alex:] Since May.",
        "Alex: I feel anxious. (sighs)\nDr. Kim: [leans forward] Since when?\n(A long pause)\nAlex: (quietly) Since May.",
    ],
)
def test_turns_without_clocks(text: str) -> None:
    transcript = parse(text)
    assert lines(transcript) == TURNS
    assert times(transcript) == [(None, None)] * 3


def test_a_bracket_within_speech_stays() -> None:
    transcript = parse("Alex: I told her (my boss) no. (It was hard.) Then I left.\nDr. Kim: Good.\nAlex: Yes.")
    assert [t for _, t in lines(transcript)][:3] == ["I told her (my boss) no.", "(It was hard.)", "Then I left."]


def test_short_dialogue_in_capitals() -> None:
    assert lines(parse("ALEX: I feel anxious.\nDR. KIM: Since when?")) == [("ALEX", "I feel anxious."), ("DR. KIM", "Since when?")]


def test_a_turn_has_its_times_for_all_its_sentences() -> None:
    transcript = parse("[00:10] Alex: One. Two.\n[00:20] Kim: Three.\n[00:30] Alex: Four.")
    assert times(transcript) == [(0.0, 10.0), (0.0, 10.0), (10.0, 20.0), (20.0, None)]


def test_a_diary_stays_its_writers_own_around_a_dialogue() -> None:
    text = "Date: May 3\n\nI saw my boss.\n\nBoss: You are late.\nMe: I know.\nBoss: Again.\n\nI felt awful."
    transcript = parse(text)
    assert lines(transcript)[0] == (None, "I saw my boss.") and lines(transcript)[-1] == (None, "I felt awful.")
    assert transcript.roles == {"Boss": PRACTITIONER, "Me": CLIENT}


@pytest.mark.parametrize(
    "text", ["Me: I'm sad\nSam: Why?\nMe: dunno", "Client: Hi\nTherapist: Hello", "Client: I'm sad\nTherapist: Why?\nClient: dunno"]
)
def test_a_short_dialogue_is_no_header(text: str) -> None:
    assert len(parse(text).utterances) == len(text.split("\n"))


# -- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        (("0:05", "1:10", "2:00"), [0, 65, 115]),  # begins like a recording
        (("10:00", "10:05", "10:10"), [0, 300, 600]),  # no recording begins at ten minutes
        (("00:10:00", "00:10:05", "01:00:00"), [0, 5, 3000]),
        (("25:00", "26:30", "27:00"), [0, 90, 120]),  # no day has that hour
        (("11:58 AM", "12:03 PM", "1:01 PM"), [0, 300, 3780]),
        (("11:58", "12:03", "1:01"), [0, 300, 3780]),  # past noon on a clock of twelve hours
        (("0:10", "0:05", "0:20"), [0, None, 10]),  # a slip goes without a time
    ],
)
def test_clocks(clocks: tuple[str, ...], expected: list[float | None]) -> None:
    text = "\n".join(f"[{time}] {name}: Well." for time, name in zip(clocks, ("Alex", "Kim", "Alex"), strict=True))
    assert [start for start, _ in times(parse(text))] == expected


def test_clocks_are_a_days_when_nobody_could_speak_so_fast() -> None:
    text = "\n".join(f"[2:{minute:02}] {'AB'[minute % 2]}: {'word ' * 200}" for minute in range(3))
    assert [start for start, _ in times(parse(text))][:3] == [0, 60, 120]


def test_the_header_tells_what_the_clocks_mean() -> None:
    text = "Time: 02:00 PM\nClient: Alex\nCoach: Riley\n\n[02:00] Riley: Hi.\n[02:03] Alex: Hello."
    assert times(parse(text)) == [(0.0, 180.0), (180.0, None)]


# -- who is who ------------------------------------------------------------------------------------------------------


def test_names_of_one_person_are_made_one() -> None:
    text = "Client: Alex (Designer)\nProfessional: Dr. Harper Torres, PhD\n\nDr. Harper: Hi.\nAlex: Hello.\nDr. Torres: So?\nAlex: Well."
    transcript = parse(text)
    assert transcript.roles == {"Dr. Harper Torres": PRACTITIONER, "Alex": CLIENT}
    assert [speaker for speaker, _ in lines(transcript)] == ["Dr. Harper Torres", "Alex"] * 2


@pytest.mark.parametrize(
    ("labels", "owner", "roles"),
    [
        (("Therapist", "Client"), None, (PRACTITIONER, CLIENT)),
        (("Sam (coach)", "Alex"), None, (PRACTITIONER, CLIENT)),
        (("Prof. Lee", "Alex"), None, (PRACTITIONER, CLIENT)),
        (("Riley", "Alex"), "Alex Rivera", (PRACTITIONER, CLIENT)),
        (("Riley", "Me"), None, (PRACTITIONER, CLIENT)),
        (("Dr. Kim", "Alex"), "Kim Novak", (CLIENT, PRACTITIONER)),  # the session's owner, doctor or not
        (("Riley", "Alex"), None, (UNKNOWN, UNKNOWN)),
        (("Speaker 1", "Speaker 2"), "Alex", (UNKNOWN, UNKNOWN)),
    ],
)
def test_roles(labels: tuple[str, str], owner: str | None, roles: tuple[str, str]) -> None:
    first, second = labels
    transcript = parse(f"{first}: Hello.\n{second}: Hi.\n{first}: So?\n{second}: Well.", owner=owner)
    assert tuple(transcript.roles[speaker or ""] for speaker, _ in lines(transcript)[:2]) == roles
    assert transcript.warnings == (("speakers_unknown",) if UNKNOWN in roles else ())


def test_a_third_person_is_nobody_known() -> None:
    transcript = parse("Therapist: Hi.\nAlex: Yes.\nSam: No.\nAlex: But.\nSam: Well.", owner="Alex")
    assert transcript.roles == {"Therapist": PRACTITIONER, "Alex": CLIENT, "Sam": UNKNOWN}
    assert transcript.warnings == ("speakers_unknown",)


def test_a_lone_speaker_is_the_client() -> None:
    transcript = parse("[00:01] Alex: I am well.\n[00:09] Alex: Today.")
    assert transcript.roles == {} and {speaker for speaker, _ in lines(transcript)} == {"Alex"}


# -- subtitles and JSON ----------------------------------------------------------------------------------------------


def test_vtt_with_voices() -> None:
    text = (
        "\ufeffWEBVTT - a title\n\nNOTE nothing\nto see\n\nSTYLE\n::cue { color: red }\n\nfirst\n00:01.000 --> 00:02.500 align:start\n"
        "<v Dr. Kim>How are <i>you</i> &amp; yours,\n\n00:00:02.500 --> 00:00:04.000\n<v Dr. Kim>Alex?</v>\n\n00:05.000 --> 00:07.000\n"
        "<v.loud Alex>I feel <00:06.000>sad. And &lt;tired&gt;.</v>\n"
    )
    transcript = parse(text, "talk.vtt")
    assert lines(transcript) == [("Dr. Kim", "How are you & yours, Alex?"), ("Alex", "I feel sad."), ("Alex", "And <tired>.")]
    assert times(transcript) == [(1.0, 4.0), (5.0, 7.0), (5.0, 7.0)]
    assert transcript.roles == {"Dr. Kim": PRACTITIONER, "Alex": CLIENT}


def test_srt() -> None:
    cues = ["Therapist: How are you?", "{\\an8}Alex: I feel\r\n<b>sad</b>", "today. (sighs)", "Therapist: Why?"]
    stamps = [
        "00:00:01,000 --> 00:00:02,000",
        "00:00:02,500 --> 00:00:04,000",
        "00:00:04,000 --> 00:00:05,000",
        "00:00:05,000 --> 00:00:06,000",
    ]
    text = "".join(f"{n}\r\n{stamp}\r\n{cue}\r\n\r\n" for n, (stamp, cue) in enumerate(zip(stamps, cues, strict=True), 1))
    for name in ("talk.srt", None):
        transcript = parse(text, name)
        assert lines(transcript) == [("Therapist", "How are you?"), ("Alex", "I feel sad today."), ("Therapist", "Why?")]
        assert times(transcript) == [(1.0, 2.0), (2.5, 5.0), (5.0, 6.0)]


def test_captions_that_scroll_are_read_once() -> None:
    text = "WEBVTT\n\n00:00.000 --> 00:02.000\nI went home\n\n00:02.000 --> 00:04.000\nI went home\nand slept.\n"
    assert lines(parse(text)) == [(None, "I went home and slept.")]


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"utterances": rows}, lambda rows: {"segments": rows, "language": "en"}])
def test_json(wrap: object) -> None:
    rows = [
        {"speaker": "Therapist", "start": 0, "end": 1.5, "text": " How are you? "},
        {"speaker": "Alex", "start": "00:02", "text": "Fine. Well."},
    ]
    transcript = parse(json.dumps(wrap(rows)), "talk.json")  # type: ignore[operator]
    assert lines(transcript) == [("Therapist", "How are you?"), ("Alex", "Fine."), ("Alex", "Well.")]
    assert times(transcript) == [(0.0, 1.5), (2.0, None), (2.0, None)]
    assert transcript.roles == {"Therapist": PRACTITIONER, "Alex": CLIENT}


@pytest.mark.parametrize("text", ["{", "3", '{"a": 1}', "[1]", '[{"speaker": "A"}]', "[" * 100_000, '[{"text": 5}]'])
def test_json_that_holds_no_utterances(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text, "talk.json")
    assert refused.value.code == "text_json" and refused.value.details["file"]


def test_json_with_times_that_cannot_be() -> None:
    rows = [{"text": "a b", "start": value, "end": value} for value in (-1, float("nan"), float("inf"), True, [], "x", 1e300, 10**400)]
    assert set(times(parse(json.dumps(rows), "a.json"))) == {(None, None)}


# -- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(encoding: str) -> None:
    assert parse("Ich fühle mich müde. 😀".encode(encoding)).text == "Ich fühle mich müde. 😀"


def test_characters_that_are_no_writing_are_left_out() -> None:
    text = "I\u202e am\x07 \u200bsad\x1b[31m.\u2028It \ud83d\ude00 is\ud800 so.\rYes\x85No\ufeff"
    assert [t for _, t in lines(parse(text))] == ["I am sad[31m.", "It 😀 is so.", "Yes", "No"]
    assert parse(text.encode("utf-8", "surrogatepass")).text == parse(text).text


@pytest.mark.parametrize("text", ["", "  \n\t ", "\ufeff", "...\n---", "\u200b"])
def test_empty(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.code == "text_empty"


@pytest.mark.parametrize(
    ("raw", "code", "word"),
    [
        ("Ich fühle".encode("latin-1"), "text_not_utf8", "UTF-8"),
        ("fühle".encode("utf-16-le") + b"\x00", "media_unsupported", "no text"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "media_unsupported", "program"),
        (b"PK\x03\x04\x14\x00\x08\x00\xff", "media_unsupported", "ZIP"),
        (b"%PDF-1.7\n1 0 obj", "media_unsupported", "PDF"),
        (b"<!DOCTYPE html><html><body>hi</body></html>", "media_unsupported", "web page"),
        (b"plain \x00 zero", "media_unsupported", "no text"),
    ],
)
def test_files_that_are_no_text(raw: bytes, code: str, word: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(raw, "notes.txt")
    assert refused.value.code == code and word in refused.value.message
    assert isinstance(refused.value, UnsupportedMedia) == (code == "media_unsupported")


def test_hostile_shapes_end_in_good_time() -> None:
    shapes = ["a:", "[", "(", "1:", "*_", "A. ", "x", "A b ", "<v ", "0:00:00.0 --> ", "\n- ", "A: b\n", "\n\n"]
    long = [shape * (30_000 // len(shape)) + "a" for shape in shapes]
    for text in [
        *long,
        "".join(f"Ab{n}: x.\n" * 2 for n in range(3000)),
        "".join(f"0:0{n % 6}:01.0 --> 1:00:00.0\n<v A{n}>x\n\n" for n in range(3000)),
    ]:
        for name in (None, "a.vtt", "a.md"):
            try:
                parse(text, name)
            except Invalid as refused:
                assert refused.code == "text_empty"
