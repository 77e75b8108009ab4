from pathlib import Path

import pytest

from insight_journey.analysis.base import Analysis, AnalysisJob, Mention, Moment
from insight_journey.analysis.local import LocalAnalyzer
from insight_journey.analysis.moments import segment
from insight_journey.settings import Settings
from insight_journey.transcription.base import Transcript, Utterance

TODAY = "2025-05-01"  # a Thursday


def analyze(text: str, language: str | None = "en") -> Analysis:
    moments = segment(Transcript((Utterance(text),), language, "text"))
    return LocalAnalyzer(Settings()).analyze(AnalysisJob(moments, language, TODAY, lambda _: None))


def found(text: str, kind: str) -> list[Mention]:
    return [mention for mention in analyze(text).mentions if mention.kind == kind]


def feelings(text: str) -> list[tuple[str, int | None]]:
    return [((mention.code or "").split(".")[-1], mention.intensity) for mention in found(text, "emotion")]


def texts(text: str, kind: str) -> list[str | None]:
    return [mention.text for mention in found(text, kind)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I have been feeling really anxious about the talk.", [("anxiety", 3)]),
        ("i have been feeling really anxious about the talk", [("anxiety", 3)]),
        ("Honestly, a bit nervous.", [("nervousness", 1)]),
        ("I feel overwhelmed and hopeless.", [("overwhelm", 2), ("hopelessness", 3)]),
        ("I felt guilty about resting, and a little ashamed.", [("guilt", 2), ("shame", 1)]),
        ("My mother makes me so angry.", [("anger", 3)]),
        ("I told my boss I was furious.", [("fury", 3)]),
        ("I called my sister and felt relieved.", [("relief", 2)]),
        ("I am grateful for my friends and proud of what I did.", [("gratitude", 2), ("pride", 2)]),
        ("I don't know why I feel so lonely.", [("loneliness", 3)]),
        ("I've never felt so alone.", [("loneliness", 3)]),
        ("I can't stop worrying about money.", [("worry", 2)]),
        ("I felt a wave of sadness.", [("sadness", 2)]),
        ("It's been really frustrating.", [("frustration", 3)]),
        ("I feel less anxious and more hopeful.", [("hope", 2)]),
        ("I get overwhelmed, so I forget things.", [("overwhelm", 2)]),
    ],
)
def test_feelings_are_found_with_how_strongly_they_were_worded(text: str, expected: list[tuple[str, int]]) -> None:
    assert feelings(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I'm not anxious about it.",
        "I am no longer afraid.",
        "I don't think I'm depressed.",
        "I feel less guilty.",  # denied
        "My boss was angry.",
        "She is anxious about it.",
        "The client was happy with it.",
        "You seem sad.",  # another's
        "Do you feel anxious?",
        "If I get anxious, I breathe.",
        "I want to feel calm.",
        "I would feel guilty.",
        "I used to be scared of dogs.",
        "I'm afraid I can't come.",
        "Happy to help.",
        "I'm proud of you.",
        "It helps me with managing my stress now.",  # manners of speaking
        "Anxiety is a common thing.",
        "The movie was about grief.",
    ],
)
def test_feelings_that_are_not_the_persons_own_are_left_out(text: str) -> None:
    assert feelings(text) == []


@pytest.mark.parametrize(
    ("text", "belief", "code", "stance"),
    [
        ("I'm not good enough.", "I'm not good enough", "self.worth", "holds"),
        ("I keep thinking, “I’m not cut out for teaching,” all day.", "I'm not cut out for teaching", "self.competence", "holds"),
        ("I feel like I need to prove myself constantly.", "I need to prove myself constantly", "others.approval", "holds"),
        ("If I ask twice, I'll look stupid.", "If I ask twice, I'll look stupid", "others.approval", "holds"),
        ("I'll be laughed at whenever I speak.", "I'll be laughed at whenever I speak", "others.approval", "holds"),
        ("If I fail the exam, people will laugh at me.", "If I fail the exam, people will laugh at me", "others.approval", "holds"),
        ("When I rest, I feel like I'm worthless.", "When I rest, I feel like I'm worthless", "self.worth", "holds"),
        ("I have to be strong, or I'll be laughed at.", "I have to be strong, or I'll be laughed at", "self.standards", "holds"),
        ("Losing my job doesn't mean I'm a failure.", "I'm a failure", "self.competence", "rejects"),
        (
            "I'm a burden to my sisters and brothers, but I know that's not true.",
            "I'm a burden to my sisters and brothers",
            "others.obligation",
            "rejects",
        ),
        ("I should be able to handle everything.", "I should be able to handle everything", "self.standards", "holds"),
        ("It is still hard to fully believe I'm enough.", "I'm enough", "self.worth", "doubts"),
        ("Maybe I'm a failure.", "I'm a failure", "self.competence", "doubts"),
        ("I don't believe I'm a failure anymore.", "I'm a failure", "self.competence", "rejects"),
        ("If I don't get this perfect, I'll fail.", "If I don't get this perfect, I'll fail", "future.success", "holds"),
        ("I have to be perfect all the time.", "I have to be perfect all the time", "self.standards", "holds"),
        ("I'm a burden to my family.", "I'm a burden to my family", "others.obligation", "holds"),
        ("Nobody understands me.", "Nobody understands me", "others.trust", "holds"),
        ("Things will work out.", "Things will work out", "future.hope", "holds"),
    ],
)
def test_beliefs_are_found_with_category_and_stance(text: str, belief: str, code: str, stance: str) -> None:
    assert [(m.text, m.code, m.stance) for m in found(text, "belief")] == [(belief, code, stance)]


@pytest.mark.parametrize(
    "text",
    [
        "She said I'm not good enough.",
        "I wonder when I'm a failure.",
        "Am I a failure?",
        "I feel like I'm spinning my wheels.",
        "I'm behind the house.",
        "I keep thinking I'm not cut out for this.",
        "I'm afraid I'll mess up.",
        "I worry that I'll look stupid in front of the class.",  # one event
        "I'm scared that everyone will laugh at me.",
        "They always think I'm a liar and a fraud.",  # who?
        "If I drop a plate, everyone will see I'm a failure.",
        "If I don't do it today, I'll fall behind.",  # what?
        "Maybe I could tell myself that I don't have to be perfect.",
        "Maybe I am failing.",
        "I'm falling behind at school.",  # a state that passes
        "I was a burden to my aunt.",
        "I feel like I'm failing him.",  # of what, of whom?
    ],
)
def test_no_belief_is_made_of_other_words(text: str) -> None:
    assert found(text, "belief") == []


def test_two_beliefs_of_one_sentence_are_two() -> None:
    text = "I worry that I'm not smart enough or that my work isn't good enough."
    assert texts(text, "belief") == ["I'm not smart enough", "My work isn't good enough"]


@pytest.mark.parametrize(
    ("text", "challenge", "severity"),
    [
        ("I struggle to say no to people.", "I struggle to say no to people", 2),
        ("It's really hard to switch off after work.", "It's really hard to switch off after work", 3),
        ("I keep putting off the tax papers.", "I keep putting off the tax papers", 2),
        ("I sometimes forget to take breaks.", "I sometimes forget to take breaks", 1),
        ("I have trouble falling asleep at night.", "I have trouble falling asleep at night", 2),
        ("I find myself checking my phone, even at dinner.", "I find myself checking my phone, even at dinner", 2),
        ("I keep worrying about my mother and her health.", "I keep worrying about my mother and her health", 2),
        ("I get stuck in the “what if it breaks” loop at work.", "I get stuck in the “what if it breaks” loop at work", 2),
    ],
)
def test_challenges_are_found_with_severity(text: str, challenge: str, severity: int) -> None:
    assert [(m.text, m.severity) for m in found(text, "challenge")] == [(challenge, severity)]


@pytest.mark.parametrize(
    "text",
    [
        "It's hard to say.",
        "It's not hard to do the dishes.",
        "I struggle with it.",
        "Is it hard to switch off?",
        "I keep trying.",
        "I often forget when I'm busy or tired.",
        "I struggle with sticking to it when work is busy.",
        "There is an inner pressure that's hard to turn off.",
        "Sometimes I get stuck in that loop again.",  # of what?
        "I kept doubting my decision.",
        "I couldn't shake the feeling I failed.",
        "I keep worrying about her health.",
        "I forget to finish those smaller exercises at home in the evening.",
    ],
)
def test_no_challenge_is_made_of_other_words(text: str) -> None:
    assert found(text, "challenge") == []


@pytest.mark.parametrize(
    ("text", "insight"),
    [
        ("I realised that I never rest.", "I never rest"),
        ("It dawned on me that I please everyone except myself.", "I please everyone except myself"),
        ("I've noticed that I sleep better after a walk.", "I sleep better after a walk"),
        ("I'm starting to see how small steps add up.", "How small steps add up"),
    ],
)
def test_insights_are_found_where_they_are_stated(text: str, insight: str) -> None:
    assert texts(text, "insight") == [insight]


@pytest.mark.parametrize(
    "text",
    [
        "I noticed it.",
        "If I realise that I never rest, I stop.",
        "Small steps add up.",
        "Have you noticed that I never rest?",
        "It happens on days I notice I'm overworking again.",
        "I'm starting to see some progress, even if it's small.",
    ],
)
def test_no_insight_is_made_of_other_words(text: str) -> None:
    assert found(text, "insight") == []


@pytest.mark.parametrize(
    ("text", "action", "due_on"),
    [
        ("I will call my sister on Sunday.", "Call my sister on Sunday", "2025-05-04"),
        ("I'm going to leave work at six tomorrow.", "Leave work at six tomorrow", "2025-05-02"),
        ("I want to start writing a journal tomorrow.", "Start writing a journal tomorrow", "2025-05-02"),
        ("I want to invite Ruth for lunch on Friday.", "Invite Ruth for lunch on Friday", "2025-05-02"),
        ("Let me call the bank on Monday.", "Call the bank on Monday", "2025-05-05"),
        ("My plan is to walk home from school.", "Walk home from school", None),
        ("I've decided to book a doctor's appointment next week.", "Book a doctor's appointment next week", "2025-05-11"),
        ("I'll go running every Monday.", "Go running every Monday", None),
        ("I'll tell my manager the truth by Friday, and then I will rest.", "Tell my manager the truth by Friday", "2025-05-02"),
    ],
)
def test_plans_are_found_with_the_day_they_name(text: str, action: str, due_on: str | None) -> None:
    assert [(m.text, m.due_on) for m in found(text, "action_item")][:1] == [(action, due_on)]


@pytest.mark.parametrize(
    "text",
    [
        "I'll be honest with you.",
        "I'll try that.",
        "I will do it.",
        "I can do that.",
        "Most times I'll just buy bread there.",
        "I'm afraid I'll lose my job.",
        "What will I tell my boss tomorrow?",
        "Usually I'll call my sister.",
        "I worry that I'll forget my lines.",
        "I'll never write music again.",
        "I could say, “I'll check my mail first thing tomorrow.”",
        "Sometimes I think I'll finish the report tomorrow.",
        "I'll fetch my notes and books right now.",
        "I could ask her for some advice on money.",
        "I'll set a reminder on my phone.",
        "I could put one on my desk with my goals.",
        "I want to make sure I stand out at work.",
        "I want to start writing a journal again.",  # a wish
        "I need to set clearer limits at school.",
        "I want to talk about this week.",
        "Maybe I'll call my sister on Sunday.",  # an idea
        "I'll maybe call my sister on Sunday.",
        "I guess I'll call my sister on Sunday.",
        "I could call my sister on Sunday.",
        "I suppose I could write a list of my debts.",
        "I might tell my sister that I'll call on Sunday.",
        "I'll follow the new schedule from Monday on.",  # which one?
        "I'll read the papers we talked about.",
        "I'll keep reaching out to my friends more.",
    ],
)
def test_no_plan_is_made_of_other_words(text: str) -> None:
    assert found(text, "action_item") == []


def test_topics_are_few_and_quote_their_cue() -> None:
    (topic,) = found("My sister came by.", "topic")
    assert (topic.code, topic.quote, topic.engine) == ("family.siblings", "My sister came by.", "lexicon")
    many = "My sister and my boss spoke of money, sleep, alcohol, yoga, grief, exams and the gym."
    assert len(found(many, "topic")) == 3
    assert found("I went there and came back.", "topic") == []


@pytest.mark.parametrize(
    "text",
    [
        "I'm a burden to everyone. Maybe I should not be alive.",
        "I want to die. I'm not good enough.",
        "I realised that I'd be better off dead than here.",
        "I'm going to kill myself on Sunday.",
        "I struggle with wanting to hurt myself at night.",
        "I don't want to live anymore, I'm a failure.",
    ],
)
def test_words_of_self_harm_are_filed_as_nothing_but_feelings_and_topics(text: str) -> None:
    assert {mention.kind for mention in analyze(text).mentions} <= {"emotion", "topic"}


@pytest.mark.parametrize(
    ("text", "language", "warnings"),
    [
        ("Ich fühle mich sehr traurig und allein.", "de", ("language_not_supported:de",)),
        ("Ich fühle mich sehr traurig und allein.", None, ("language_not_supported",)),
        ("Je suis très triste et je ne sais pas pourquoi.", None, ("language_not_supported",)),
        ("Estoy muy triste y no sé por qué.", None, ("language_not_supported",)),
        ("とても悲しいです。", None, ("language_not_supported",)),
        ("I feel sad and I don't know why.", None, ()),
        ("Anxious again.", None, ()),
        ("I feel sad.", "en-GB", ()),
        ("123 456", None, ()),
    ],
)
def test_another_language_is_said_and_not_guessed(text: str, language: str | None, warnings: tuple[str, ...]) -> None:
    analysis = analyze(text, language)
    assert analysis.warnings == warnings
    assert not (warnings and analysis.mentions)


def test_a_quote_of_a_long_sentence_is_its_clause() -> None:
    text = (
        "We talked about the garden and the neighbours and the weather for a very long while that afternoon, but I felt lonely, "
        "and then we went home by the river because it was late."
    )
    (mention,) = found(text, "emotion")
    assert mention.quote == "but I felt lonely"


HOSTILE = [
    "a ",
    "i'm not ",
    "i will ",
    "if ",
    '"',
    "'",
    ", ",
    "x",
    "it's hard to ",
    "i realised that ",
    "kill ",
    "…",
    "\u0130",
    "-",
    "i am a bit ",
]


@pytest.mark.parametrize(("piece", "size"), [*((piece, 60_000) for piece in HOSTILE), ("i feel ", 1_000_000), ("\u00e9", 1_000_000)])
def test_a_long_line_without_any_end_is_read_through(piece: str, size: int) -> None:
    text = piece * (size // len(piece)) + ". I feel sad."
    analysis = LocalAnalyzer(Settings()).analyze(AnalysisJob((Moment(0, text, 0, len(text)),), "en", TODAY, lambda _: None))
    assert "sadness.sadness.sadness" in {mention.code for mention in analysis.mentions}
    assert all(text[m.quote_start : m.quote_end] == m.quote for m in analysis.mentions)


def test_without_the_encoder_it_works_by_lexicon_and_rules_and_says_so(tmp_path: Path) -> None:
    moments = segment(Transcript((Utterance("I feel really anxious about the deadline."),), "en", "text"))
    job = AnalysisJob(moments, "en", TODAY, lambda _: None)
    analysis = LocalAnalyzer(Settings(encoder_model=tmp_path / "none.onnx")).analyze(job)
    assert analysis.warnings == ("rules_only",) and analysis.model is None
    assert {mention.kind for mention in analysis.mentions} == {"emotion", "topic"}
    assert {mention.engine for mention in analysis.mentions} <= {"lexicon", "rule"}
