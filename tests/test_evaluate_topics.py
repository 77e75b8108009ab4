"""The tasks of scripts/evaluate on topics, themes, search, speed and quotes, on small files."""

from pathlib import Path

import pytest

from tests.test_evaluate import figures, run, table

SAMPLE = Path(__file__).parents[1] / "insight_journey" / "samples" / "session.txt"
TOPICS = [
    ("I can't sleep. I lie awake until four every night.", "Sleep Improvement"),
    ("My husband died in spring. I still set the table for two.", "Grief and Loss|Depression"),
    ("I drink a bottle of wine a day and can't stop.", "Substance Abuse"),
    ("My teenage son slams doors and will not listen to us.", "Parenting, Family Conflict"),
    ("I'm sad, empty and see no hope.", "depression"),
]


def people(folder: Path, themes: str) -> Path:
    """A folder as themes, speed and quotes take it: Maya's session and what she has in mind, Bob of whom nothing is said."""
    for person in ("Maya_Dr._Imogen_Ashdown", "Bob_Dr._Nobody"):
        (folder / person).mkdir(parents=True)
        (folder / person / "session_01.txt").write_text(SAMPLE.read_text())
    (folder / "themes.tsv").write_text(f"person\tthemes (in plain words)\nMaya_Dr._Imogen_Ashdown\t{themes}\n")
    return folder


def test_topics_of_any_labels(tmp_path: Path) -> None:
    done = run("topics", table(tmp_path / "t.tsv", "text|topics", TOPICS), "--baselines")
    found = figures(done)
    assert done.returncode == 0, done.stderr
    assert found["top_1"] == found["top_3"] == (1.0, 5)
    assert found["most_frequent_top_1"][0] < 1 and "names_alone_top_3" in found


def test_labels_that_nobody_has_seen_before(tmp_path: Path) -> None:
    rows = [
        ("The bank wants its money back.", "Debts and savings"),
        ("I run in the park before work.", "Sports"),
        ("I pray.", "Religious life"),
    ]
    assert figures(run("topics", table(tmp_path / "t.tsv", "text|topics", rows)))["top_1"] == (1.0, 3)


def test_topics_below_the_bar(tmp_path: Path) -> None:
    (asleep, first), (mourning, second), *_ = TOPICS
    rows = [(asleep, "Substance Abuse"), (mourning, "Sleep Improvement"), ("I pray.", first), ("I paint.", second)]
    done = run("topics", table(tmp_path / "t.tsv", "text|topics", rows))
    assert done.returncode == 1 and "top_1" in done.stderr


@pytest.mark.parametrize("themes", ["loneliness, friends", "being on my phone; prayer"])
def test_a_theme_is_among_what_a_session_is_most_about(tmp_path: Path, themes: str) -> None:
    done = run("themes", people(tmp_path, themes))
    assert done.returncode == 0 and figures(done)["top_3"] == (1.0, 1)


def test_a_theme_that_is_not_there_is_below_the_bar(tmp_path: Path) -> None:
    done = run("themes", people(tmp_path, "debts and savings; faith"))
    assert done.returncode == 1 and figures(done)["top_3"] == (0.0, 1)


def test_themes_want_sessions_of_those_whom_they_name(tmp_path: Path) -> None:
    (tmp_path / "themes.tsv").write_text("person\tthemes\nZoe\tfaith\n")
    done = run("themes", tmp_path)
    assert done.returncode == 2 and done.stdout == "" and "no folder with sessions" in done.stderr


@pytest.mark.parametrize("folder", [False, True])
def test_quotes_are_what_was_written(tmp_path: Path, folder: bool) -> None:
    found = figures(run("quotes", people(tmp_path, "faith") if folder else SAMPLE))
    assert found["verbatim"][0] == 1.0 and found["verbatim"][1] >= 10 * (1 + folder)


def test_speed_is_measured_without_any_data() -> None:
    found = figures(run("speed"))
    assert found["resident_mb"][0] > 50 and found["seconds_600_sentences"] > (0.0, 0)
    assert {"seconds_600_sentences_by_the_clock", "seconds_to_load"} <= set(found)


ANSWERS = [
    ("1", "How can I sleep better?", "Go to bed at the same hour every night, and keep screens out of the bedroom. " * 12),
    ("2", "My dog died and I cry all day", "Losing an animal is losing a friend: give yourself time to mourn."),
    ("2", "My dog died and I cry all day", "Grief for a pet is real grief."),
    ("3", "Should I change jobs?", "Write down what you want of your career, then compare the offers."),
    ("4", "Why does he shout at me?", "Nobody may shout at you; talk with him when he is calm, and get help when he is not."),
]


def rows_of(path: Path, *rows: tuple[str, ...]) -> Path:
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return path


def test_answers_are_found_by_their_questions(tmp_path: Path) -> None:
    done = run("retrieval", rows_of(tmp_path / "r.tsv", ("question_id", "question_title", "answer"), *ANSWERS), "--baselines")
    assert done.returncode == 0, done.stderr
    assert figures(done)["mrr_at_10"] == figures(done)["hit_at_10"] == (1.0, 4)
    assert "bm25_mrr_at_10" in figures(done)


def test_answers_to_other_questions_are_below_the_bar(tmp_path: Path) -> None:
    turned = [(number, title, answer) for (number, title, _), (_, _, answer) in zip(ANSWERS, reversed(ANSWERS), strict=True)]
    done = run("retrieval", rows_of(tmp_path / "r.tsv", ("question_id", "question_title", "answer"), *turned[3:], *turned[:1]))
    assert done.returncode == 1 and "mrr_at_10" in done.stderr
