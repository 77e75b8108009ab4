"""Words of self-harm and crisis: which are told from what only sounds so, and what becomes of the moments that hold them."""

import csv
from pathlib import Path
from typing import Any

import pytest

from insight_journey.analysis import crisis
from insight_journey.analysis.base import Analysis, AnalysisJob, Care, Moment
from insight_journey.analysis.openai import OpenAIAnalyzer
from insight_journey.settings import Settings
from tests.stub_openai import KEY, Reply, Request, Stub, elements, said, too_long

DATA = Path(__file__).parent.parent / "data"
PLAIN = "I want to kill myself."


def sentences(label: str, name: str = "crisis") -> list[str]:
    with (DATA / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["label"] == label]


def moments(*texts: str | tuple[str, str]) -> tuple[Moment, ...]:
    """Moments of the client, or of (role, text)."""
    said = [("client", entry) if isinstance(entry, str) else entry for entry in texts]
    return tuple(Moment(position, text, 0, len(text), role=role) for position, (role, text) in enumerate(said))


def test_it_works() -> None:
    care = crisis.find(moments("I slept badly.", PLAIN, "Work was fine.", "I went home.", "I cooked."))
    assert (care.flagged, care.touched) == ({1}, {1})
    assert care.withheld >= {0, 1, 2} and not care.withheld & {3, 4}


@pytest.mark.parametrize("name", ["crisis", "crisis_more"])
def test_the_lists_are_told_apart(name: str) -> None:
    true, only_sounding = sentences("1", name), sentences("0", name)
    assert min(len(true), len(only_sounding)) >= 75
    assert sum(map(crisis.is_crisis, true)) / len(true) >= 0.95
    assert 1000 * sum(map(crisis.is_crisis, only_sounding)) / len(only_sounding) <= 5


def test_whatever_speaks_of_it_is_withheld() -> None:
    assert [text for text in sentences("1") if not crisis.judge(text)[0]] == []


@pytest.mark.parametrize(
    "text",
    [
        "I don’t want to live anymore.",
        "i dont want to live anymore",
        "I DO NOT WANT TO LIVE ANY MORE!",
        "I don't, I don't want to live anymore.",
        "I just, um, don't really want to live anymore, you know.",
        "I don't want to... live anymore.",
        "I don\u200b't want to live anymore.",
        "Work is fine.\nI don't want\nto live anymore.",
        "I was thinking about su*cide.",
        "I keep wanting to k*ll myself.",
        "I wanna kill my self.",
    ],
)
def test_spelling_makes_no_difference(text: str) -> None:
    assert crisis.is_crisis(text)


@pytest.mark.parametrize("text", ["I would never hurt myself.", "I'm not thinking of killing myself.", "I don't think I want to die."])
def test_what_is_denied_is_withheld_and_not_flagged(text: str) -> None:
    assert crisis.judge(text) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "I can't stop thinking about killing myself.",
        "I don't know why I shouldn't kill myself.",
        "I haven't cut myself in two years.",
        "I'm not sleeping and I want to die.",
        "Not a day goes by where I don't think about killing myself.",
        "I'm not okay, I want to die.",
    ],
)
def test_not_every_no_denies(text: str) -> None:
    assert crisis.is_crisis(text)


@pytest.mark.parametrize(
    "text",
    ["My brother killed himself.", "In the novel he took his own life.", "My friend wants to die.", "He said: you should kill yourself."],
)
def test_what_is_said_of_others_is_withheld_and_not_flagged(text: str) -> None:
    assert crisis.judge(text) == (True, False)


@pytest.mark.parametrize(("role", "flagged"), [("client", True), ("unknown", True), ("practitioner", False)])
def test_who_speaks(role: str, flagged: bool) -> None:
    care = crisis.find(moments((role, "Sometimes I want to kill myself.")))
    assert (bool(care.flagged), bool(care.touched)) == (flagged, True)


def test_a_practitioners_question_is_withheld_alone() -> None:
    care = crisis.find(moments(("practitioner", "Are you thinking of killing yourself?"), "No."))
    assert care == Care(frozenset(), frozenset({0})) and care.withheld >= {0, 1}


@pytest.mark.parametrize(
    "text", ["Ich will nicht mehr leben.", "J'ai envie de mourir.", "Quiero matarme.", "Voglio morire.", "Não quero mais viver."]
)
def test_the_plainest_words_of_other_languages(text: str) -> None:
    assert crisis.is_crisis(text)


class Unreadable(str):
    """Cannot be read the first time."""

    def translate(self, table: Any, /) -> str:
        if not vars(self):
            self.tried = True
            raise RuntimeError(f"cannot read {self}")
        return super().translate(table)


def test_what_cannot_be_judged_stays_here_unflagged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    care = crisis.find(moments("I slept well.", Unreadable(PLAIN)))
    assert care == Care(frozenset(), frozenset({1}))
    assert "kill" not in caplog.text + "".join(capsys.readouterr())


def test_a_wording_is_looked_for_wherever_it_stands() -> None:
    """Cues only save time: no wording fits a sentence that has none of its cues."""
    texts = [sentence for text in (*sentences("1"), *sentences("0")) for sentence in crisis.sentences(text)]
    blind = [(rule.cues, one) for one in texts for rule in crisis.rules() if rule.wording.search(one) and not rule.fits(one)]
    assert blind == []


@pytest.mark.parametrize(
    "words", ["i want ", "no reason not to ", "if i didn't ", "thought of driving over a ", "a", "i don't want to be "]
)
def test_a_long_text_ends(words: str) -> None:
    crisis.judge(words * 4000)


# -- what goes over the wire -------------------------------------------------------------------------------------------

SECRET = ("Monday was heavy.", "Then I took out the pills and I wanted to die.", "My sister Zelda called.")
TALK = ("I was anxious about work.", "I slept badly.", *SECRET, "I was proud of my garden.", "I was anxious about Friday.")


def analyze(stub: Stub, *texts: str | tuple[str, str]) -> Analysis:
    settings = Settings(openai_base_url=stub.url, openai_api_key=KEY)
    return OpenAIAnalyzer(settings).analyze(AnalysisJob(moments(*texts), "en", "2026-03-01", lambda _: None))


def test_nothing_withheld_goes_over_the_wire() -> None:
    with Stub() as stub:
        analysis = analyze(stub, *TALK)
        wire = b"\n".join(request.raw for request in stub.requests).decode()
    assert "garden" in wire and "slept badly" in wire
    for words in SECRET:
        assert not [word for word in words.split() if len(word) > 4 and word in wire], words
    assert {m.engine for m in analysis.mentions if m.moment in (0, 5, 6)} == {"llm"}


def test_not_when_a_window_is_halved_or_an_answer_repaired() -> None:
    with Stub() as stub:
        stub.script = [too_long(), said("not json"), said("not json")]
        analyze(stub, *TALK)
        wire = b"\n".join(request.raw for request in stub.requests).decode()
    assert len(stub.requests) > 3
    assert not [words for words in SECRET if words in wire or "pills" in wire or "Zelda" in wire]


def test_what_is_withheld_is_read_here() -> None:
    with Stub() as stub:
        analysis = analyze(stub, "I felt anxious and I wanted to die.", "I was proud of my garden.", "I was sad.")
        assert [request.moments[0]["moment"] for request in stub.requests] == [2]
    found = {(m.moment, m.kind, m.engine) for m in analysis.mentions}
    assert (2, "emotion", "llm") in found and any(m[:2] == (0, "emotion") and m[2] != "llm" for m in found)


def test_where_all_is_withheld_nothing_is_asked() -> None:
    with Stub() as stub:
        analysis = analyze(stub, "I felt anxious.", PLAIN)
        assert stub.requests == []
    assert analysis.usage.input_tokens == 0 and {m.moment for m in analysis.mentions} >= {0}


def test_what_cannot_be_judged_is_not_sent() -> None:
    with Stub() as stub:
        analyze(stub, "I felt anxious.", Unreadable("I went by train."), "I felt sad.")
        assert stub.requests == []


def test_a_model_cannot_cite_what_it_was_not_shown() -> None:
    def guessing(request: Request) -> Reply:
        return elements({"kind": "belief", "moment": 3, "quote": "I wanted to die", "text": "I want to die", "confidence": 1.0})

    with Stub(reader=guessing) as stub:
        analysis = analyze(stub, *TALK)
    assert analysis.dropped >= 1 and not [m for m in analysis.mentions if m.kind == "belief"]


def test_without_a_word_of_it_all_is_sent() -> None:
    with Stub() as stub:
        analyze(stub, "I was anxious.", "I could kill for a coffee.", "I was sad.")
        assert [m["moment"] for request in stub.requests for m in request.moments] == [0, 1, 2]
