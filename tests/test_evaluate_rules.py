"""scripts/evaluate rules: counts verdicts, and notices readings of what is no longer found."""

from pathlib import Path

from tests.test_evaluate import figures, run

HEADER = "session\tquote\ttext\tverdict\twhy\n"
SESSION = "Alice: I'm not good enough. I will call my sister on Sunday.\n"


def sessions(folder: Path) -> Path:
    """Data with one session of one person."""
    (folder / "transcripts" / "Alice_B").mkdir(parents=True)
    (folder / "transcripts" / "Alice_B" / "one.txt").write_text(SESSION * 2)
    return folder


def beliefs(folder: Path, *rows: str) -> Path:
    file = folder / "beliefs.tsv"
    file.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return file


RIGHT = "Alice_B/one\tI'm not good enough.\tI'm not good enough\tright\t"
STALE = "Alice_B/one\tI'm a failure.\tI'm a failure\twrong\tnobody said so"


def test_it_works(tmp_path: Path) -> None:
    done = run("rules", beliefs(tmp_path, RIGHT), "--data", sessions(tmp_path))
    assert done.returncode == 0, done.stderr
    assert figures(done) == {"beliefs_precision": (1.0, 1), "beliefs_still_found": (1.0, 1)}


def test_the_projects_own_readings_keep_the_bars() -> None:
    done = run("rules")
    assert done.returncode == 0, done.stdout + done.stderr
    found = figures(done)
    assert {f"{kind}_precision" for kind in ("beliefs", "challenges", "actions", "insights", "identity")} <= found.keys()
    assert found["identity_still_found"][0] == 1 and found["identity_precision"][1] == 100


def test_what_is_no_longer_found_is_named(tmp_path: Path) -> None:
    done = run("rules", beliefs(tmp_path, RIGHT, STALE), "--data", sessions(tmp_path))
    assert done.returncode == 1 and "no longer found: I'm a failure" in done.stderr
    assert figures(done)["beliefs_still_found"] == (0.5, 2)


def test_too_many_wrong_ones_miss_the_bar(tmp_path: Path) -> None:
    done = run("rules", beliefs(tmp_path, RIGHT, STALE))
    assert done.returncode == 1 and "beliefs_precision 0.5 is below the bar" in done.stderr


def test_a_verdict_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run("rules", beliefs(tmp_path, RIGHT.replace("right", "perhaps")))
    assert done.returncode == 2 and "perhaps" in done.stderr and "Traceback" not in done.stderr
