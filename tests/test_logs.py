"""Log lines: JSON, with the request's id, and nothing personal."""

import json
import logging
from typing import Any
from uuid import UUID

import pytest
import structlog

from insight_journey import logs
from insight_journey.errors import Invalid

PHRASE = "the heron by the frozen canal"
log = structlog.get_logger()


@pytest.fixture(autouse=True)
def configured() -> Any:
    logs.configure("INFO")
    yield
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return read


def test_it_works(lines: Any) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        log.info("run_finished", run=UUID(int=7), seconds=1.5, stages=["transcribe", "analyze"])
        assert logs.request_id() == "r-1"
    (line,) = lines()
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "run_finished",
        "level": "info",
        "request_id": "r-1",
        "run": str(UUID(int=7)),
        "seconds": 1.5,
        "stages": ["transcribe", "analyze"],
    }


def test_below_the_level_nothing_is_written(lines: Any) -> None:
    log.debug("detail")
    assert lines() == []


def test_configuring_again_does_not_double(lines: Any) -> None:
    logs.configure("INFO")
    log.info("once")
    assert len(lines()) == 1


def test_an_exception_is_its_type_and_our_frames(lines: Any) -> None:
    def tell(words: str) -> None:
        raise ValueError(f"cannot read {words}") from KeyError(words)

    try:
        tell(PHRASE)
    except ValueError:
        log.exception("failed")
    (line,) = lines()
    assert line["exception"] == {"type": "ValueError", "frames": [], "cause": "KeyError"}
    assert PHRASE not in str(line)


def test_frames_of_ours_are_named(lines: Any) -> None:
    try:
        logs.StderrHandler().stream = None  # type: ignore[assignment]
    except AttributeError as error:
        log.error("failed", exc_info=error)
    (line,) = lines()
    assert [frame.split()[1] for frame in line["exception"]["frames"]] == ["stream"]
    assert line["exception"]["frames"][0].startswith("logs.py:")


def test_our_errors_show_their_code(lines: Any) -> None:
    log.error("failed", exc_info=Invalid(PHRASE, code="empty_text"))
    (line,) = lines()
    assert line["exception"]["code"] == "empty_text"
    assert PHRASE not in str(line)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", PHRASE),
        ("access_token", PHRASE),
        ("title", PHRASE),
        ("display_name", PHRASE),
        ("text", PHRASE),
        ("quotes", [PHRASE]),
        ("detail", {"email": PHRASE}),
        ("thing", object()),
        ("said", {1: [PHRASE * 100]}),
        ("to", "alice@example.com"),
        ("header", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc"),
        ("at_engine", "redis://:hunter2@127.0.0.1/0"),
    ],
)
def test_what_should_not_be_there_is_taken_out(lines: Any, key: str, value: Any) -> None:
    log.info("odd", **{key: value})
    (line,) = lines()
    for secret in ("alice@example.com", "eyJ", "hunter2", "object at 0x"):
        assert secret not in str(line)
    if key != "said":
        assert PHRASE not in str(line)
    assert len(str(line)) < 500


def test_lines_of_libraries_are_not_trusted(lines: Any) -> None:
    logging.getLogger("some.library").warning("cannot parse %r", PHRASE)
    logging.getLogger("some.library").warning(f"cannot parse {PHRASE}")
    for line in lines():
        assert (line["event"], line["logger"], line["level"]) == ("foreign_line", "some.library", "warning")
        assert line["place"].startswith("test_logs.py:")
        assert PHRASE not in str(line)


def test_their_exceptions_are_not_either(lines: Any) -> None:
    try:
        raise ValueError(PHRASE)
    except ValueError:
        logging.getLogger("some.library").exception("failed with %s", PHRASE)
    (line,) = lines()
    assert line["exception"]["type"] == "ValueError"
    assert PHRASE not in str(line)


def test_the_servers_own_lines_are_readable(lines: Any) -> None:
    logging.getLogger("gunicorn.error").info("Listening at: %s", "127.0.0.1:5000")
    assert lines()[0]["event"] == "Listening at: 127.0.0.1:5000"
