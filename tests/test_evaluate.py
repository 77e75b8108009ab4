"""scripts/evaluate from outside: what it prints and how it ends, on small files as people have them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"(\w+) (nan|\d+\.\d{4})(?: \[\d+\.\d{4}, \d+\.\d{4}\])? n=(\d+)")
EMOTIONS = [
    ("Thank you so much for all your help!", "gratitude"),
    ("I love this song, I love it.", "love"),
    ("That is so funny, lol haha", "amusement"),
    ("I am so sorry, I apologize.", "remorse"),
    ("The train leaves at nine.", "neutral"),
    ("What a disgusting, gross thing.", "disgust"),
    ("I am scared, this is terrifying.", "fear"),
]
SESSIONS = [
    ("I feel really anxious about the talk.", "fear"),
    ("I'm so sad and lonely.", "Sadness / lonely"),
    ("We met on Tuesday at the office.", "none"),
    ("I was furious with my brother.", "anger.rage.fury"),
    ("I'm not angry.", ""),
]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "evaluate.d"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=False)


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[float, int]]:
    """name -> (value, n); every line of the output is one, or names a task."""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("# ")]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), done.stdout + done.stderr
    return {match[1]: (float(match[2]), int(match[3])) for match in matches if match}


def table(path: Path, header: str, rows: list[tuple[str, str]], end: str = "\n") -> Path:
    path.write_bytes(end.join([header.replace("|", "\t"), *("\t".join(row) for row in rows), ""]).encode())
    return path


def test_it_works(tmp_path: Path) -> None:
    done = run("emotions", table(tmp_path / "e.tsv", "text|labels", EMOTIONS))
    found = figures(done)
    assert done.returncode == 0, done.stderr
    assert found["macro_f1_28"][0] > 0.8 and found["macro_f1_28"][1] == len(EMOTIONS)
    assert {"macro_f1_ekman", "micro_precision", "calibration_error_10_bins", "sure_precision"} <= set(found)


def test_below_the_bars_it_ends_with_1_and_says_which(tmp_path: Path) -> None:
    wrong = [(text, "grief") for text, _ in EMOTIONS]
    done = run("emotions", table(tmp_path / "e.tsv", "text|labels", wrong))
    assert done.returncode == 1 and "macro_f1_28" in done.stderr and figures(done)["macro_f1_28"][0] < 0.47


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_as_people_have_them(tmp_path: Path, end: str) -> None:
    plain = figures(
        run("groups", table(tmp_path / "a.tsv", "text|label", [(text, "joy" if n % 2 else "fear") for n, (text, _) in enumerate(EMOTIONS)]))
    )
    rows = [("x", f'"{text.replace(chr(34), chr(34) * 2)}"\t{"joy" if n % 2 else "Fear"}') for n, (text, _) in enumerate(EMOTIONS)]
    quoted = figures(run("groups", table(tmp_path / "b.tsv", "id|Text|LABEL", rows, end)))
    assert plain == quoted


def test_quotes_that_quote_nothing_stay_words(tmp_path: Path) -> None:
    rows = [('"I love it', "joy"), ("I am scared.", "fear"), ('He said "no" to me', "fear")]
    assert figures(run("groups", table(tmp_path / "g.tsv", "text|label", rows)))["accuracy"][1] == 3


def test_forced_choice_is_among_what_the_file_has(tmp_path: Path) -> None:
    rows = [("I am so sorry, I apologize.", "guilt"), ("I love this, thank you!", "joy"), ("So embarrassing, I cringed.", "shame")]
    done = run("groups", table(tmp_path / "g.tsv", "text|label", rows))
    assert done.returncode == 0 and figures(done)["accuracy"] == (1.0, 3)
    assert {"f1_guilt", "f1_joy", "f1_shame"} <= set(figures(done)) and "f1_anger" not in figures(done)


def test_labels_that_are_not_known_are_counted_and_named(tmp_path: Path) -> None:
    emotions = run(
        "emotions", table(tmp_path / "e.tsv", "text|labels", [*EMOTIONS, ("Hm.", "schadenfreude,love"), ("Oh", "schadenfreude")])
    )
    groups = run(
        "groups", table(tmp_path / "g.tsv", "text|label", [("I love it", "happiness"), ("Argh", "anxious"), ("Hm", "wistfulness")])
    )
    assert "schadenfreude (2)" in emotions.stderr and figures(emotions)["macro_f1_28"][1] == len(EMOTIONS) + 2
    assert "wistfulness (1)" in groups.stderr and figures(groups)["accuracy"][1] == 2


def test_sentences_of_sessions(tmp_path: Path) -> None:
    done = run("session-emotions", table(tmp_path / "s.tsv", "text|emotions", SESSIONS), "--baselines")
    found = figures(done)
    assert done.returncode == 0 and found["precision"] == found["recall"] == (1.0, 5)
    assert found["lexicon_alone_f1"][0] == 1.0


def test_a_row_whose_label_means_nothing_is_not_judged(tmp_path: Path) -> None:
    done = run("session-emotions", table(tmp_path / "s.tsv", "text|emotions", [*SESSIONS, ("I feel meh.", "meh")]))
    assert "meh (1)" in done.stderr and figures(done)["precision"][1] == 5


def test_all_of_a_folder(tmp_path: Path) -> None:
    table(tmp_path / "goemotions_dev.tsv", "text|labels", EMOTIONS)
    done = run("--data", tmp_path)
    assert "# session-emotions" in done.stdout  # has a file of its own in the repository
    assert "# emotions" in done.stdout and "no data for topics" in done.stderr and "no data for groups" in done.stderr


@pytest.mark.parametrize(
    ("task", "content", "said"),
    [
        ("emotions", "words\tlabels\nhello\tjoy\n", "no column text"),
        ("emotions", "text\tlabels\n", "no rows"),
        ("emotions", "", "no column text and no column labels"),
        ("emotions", "text\tlabels\nhello\tmeh\n", "none of the head's labels"),
        ("groups", "text\tlabel\nhello\tmeh\n", "no label that is known"),
        ("session-emotions", "text\temotions\nhello\tmeh\n", "no row that can be judged"),
    ],
)
def test_what_cannot_be_measured_is_said(tmp_path: Path, task: str, content: str, said: str) -> None:
    (tmp_path / "f.tsv").write_text(content)
    done = run(task, tmp_path / "f.tsv")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert run("emotions", tmp_path / "none.tsv").returncode == run("emotions").returncode == 2
    assert run("--data", tmp_path, "emotions").returncode == 2
