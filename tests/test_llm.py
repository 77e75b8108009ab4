"""One question to a language model: over real HTTP, against a server that can misbehave in every known way."""

import json
import logging
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from insight_journey.errors import AnalysisFailed, EngineError, TranscriptionFailed
from insight_journey.llm import Prompt, complete, flat_schema
from insight_journey.openai_api import ContextTooLong, Endpoint, Tokens, retry_after
from insight_journey.settings import Settings
from tests.stub_openai import KEY, Reply, Stub, as_json, broken_off, dropped, failing, said, slow, too_long

WORDS = "the heron by the frozen weir"


class Colour(BaseModel):
    """Not for the model."""

    name: str
    shade: str | None = None


class Palette(BaseModel):
    colours: list[Colour]


GOOD = '{"colours": [{"name": "blue", "shade": null}]}'
BLUE = Palette(colours=[Colour(name="blue")])
PROMPT = Prompt("Name colours.", WORDS)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub(reader=lambda request: said(GOOD)) as stub:
        yield stub


def settings(stub: Stub, **values: Any) -> Settings:
    chosen = {"openai_base_url": stub.url, "openai_api_key": KEY, "openai_timeout_seconds": 5, "retry_seconds": 0.01, **values}
    return Settings(home=Path("unused"), **chosen)


def ask(stub: Stub, **values: Any) -> tuple[Palette, Tokens]:
    with Endpoint(settings(stub, **values)) as endpoint:
        return complete(endpoint, PROMPT, Palette)


def fail(stub: Stub, **values: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        ask(stub, **values)
    assert WORDS not in str(caught.value) + repr(caught.value.details)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def test_it_works(stub: Stub) -> None:
    answer, tokens = ask(stub)
    assert answer == BLUE
    assert tokens == Tokens(100, 20)
    assert tokens.cost(settings(stub)) == pytest.approx(100 * 0.15e-6 + 20 * 0.60e-6)


def test_the_wire(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-of-somebody")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Own: 1\nAuthorization: Bearer other")
    ask(stub, openai_model="some-model")
    (request,) = stub.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert set(request.headers) <= {
        "host", "accept", "accept-encoding", "connection", "user-agent", "authorization", "content-type", "content-length",
    }  # fmt: skip
    assert request.body["model"] == "some-model"
    assert request.body["messages"] == [{"role": "system", "content": "Name colours."}, {"role": "user", "content": WORDS}]
    assert request.body["response_format"]["json_schema"]["strict"] is True
    assert request.body["response_format"]["json_schema"]["schema"] == flat_schema(Palette)
    assert set(request.body) == {"model", "messages", "response_format", "temperature", "max_tokens"}


def test_schema_is_flat_and_strict() -> None:
    colour = {
        "type": "object", "properties": {"name": {"type": "string"}, "shade": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["name", "shade"], "additionalProperties": False,
    }  # fmt: skip
    palette = {"colours": {"type": "array", "items": colour}}
    assert flat_schema(Palette) == {"type": "object", "properties": palette, "required": ["colours"], "additionalProperties": False}


def test_no_key_no_request(stub: Stub) -> None:
    assert fail(stub, openai_api_key="").code == "llm_key_missing"
    assert stub.requests == []


def test_no_proxy_of_the_environment(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(stub)[0] == BLUE


def test_no_redirect_is_followed(stub: Stub) -> None:
    with Stub() as elsewhere:
        stub.script = [Reply(307, headers={"Location": elsewhere.url + "/chat/completions"})]
        error = fail(stub)
        assert elsewhere.requests == []
    assert (error.code, error.transient) == ("llm_bad_request", False)


# -- answers that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{GOOD}\n```",
        f"Sure! Here you are: {GOOD} I hope this helps.",
        f"<think>maybe {{red}}?</think>{GOOD}",
    ],
)
def test_an_answer_with_wrapping_is_read(stub: Stub, text: str) -> None:
    stub.script = [said(text)]
    assert ask(stub)[0] == BLUE
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "text",
    [GOOD[:-9], "I can't help with that.", '{"colours": [{"title": "blue"}]}', '{"colours": "blue"}', "[1, 2]", "", None],
    ids=["truncated", "prose", "other field", "other type", "list", "empty", "null"],
)
def test_an_invalid_answer_is_repaired(stub: Stub, text: str | None) -> None:
    stub.script = [said(text)]
    answer, tokens = ask(stub)
    assert answer == BLUE
    assert tokens == Tokens(200, 40)
    asked = stub.requests[1].body["messages"]
    assert [message["role"] for message in asked] == ["system", "user", "assistant", "user"]
    assert asked[2]["content"] == (text or "")
    assert stub.requests[1].body["response_format"]["type"] == "json_schema"


def test_then_the_schema_is_spelt_out(stub: Stub) -> None:
    stub.script = [said("no"), said("no")]
    answer, tokens = ask(stub)
    assert answer == BLUE
    assert tokens == Tokens(300, 60)
    last = stub.requests[2].body
    assert last["response_format"] == {"type": "json_object"}
    assert json.dumps(flat_schema(Palette)) in last["messages"][0]["content"]
    assert len(last["messages"]) == 2


def test_then_it_fails(stub: Stub) -> None:
    stub.reader = lambda request: said("no")
    with Endpoint(settings(stub)) as endpoint, pytest.raises(AnalysisFailed) as caught:
        complete(endpoint, PROMPT, Palette)
    assert (caught.value.code, caught.value.transient) == ("llm_invalid_answer", False)
    assert len(stub.requests) == 3
    assert endpoint.spent == Tokens(300, 60)


def test_an_answer_without_choices_is_invalid(stub: Stub) -> None:
    stub.script = [as_json({"error": {"message": "upstream"}})]
    assert ask(stub)[0] == BLUE
    assert len(stub.requests) == 2


def test_an_answer_cut_off_asks_for_less(stub: Stub) -> None:
    stub.script = [said(GOOD[:20], finish="length")]
    with Endpoint(settings(stub)) as endpoint, pytest.raises(ContextTooLong) as caught:
        complete(endpoint, PROMPT, Palette)
    assert caught.value.code == "llm_answer_too_long"
    assert endpoint.spent == Tokens(100, 20)
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "reply", [said(None, refusal="I must not."), said("", finish="content_filter"), failing(400, "blocked", code="content_filter")]
)
def test_a_refusal_is_final(stub: Stub, reply: Reply) -> None:
    stub.script = [reply]
    error = fail(stub)
    assert (error.code, error.transient) == ("llm_refused", False)
    assert len(stub.requests) == 1


def test_tokens_that_nobody_counted_are_estimated(stub: Stub) -> None:
    stub.script = [said(GOOD, tokens=None)]
    _, tokens = ask(stub)
    assert tokens.input > 10
    assert tokens.output > 10


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply", [failing(429, retry_after=0.01), failing(500), failing(503), failing(408), dropped(), broken_off(said(GOOD))]
)
def test_a_passing_fault_is_tried_again(stub: Stub, reply: Reply) -> None:
    stub.script = [reply, reply]
    assert ask(stub)[0] == BLUE
    assert len(stub.requests) == 3


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (failing(429, "slow down"), "llm_busy"),
        (failing(500, WORDS), "llm_unavailable"),
        (dropped(), "llm_unreachable"),
        (broken_off(said(GOOD)), "llm_unreachable"),
        (Reply(200, GOOD[:9].encode(), {"Content-Type": "application/json"}), "llm_unreadable"),
        (Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), "llm_unreadable"),
        (Reply(200, b"\xff\xfe" + WORDS.encode(), {"Content-Type": "application/json"}), "llm_unreadable"),
    ],
)
def test_a_lasting_fault_is_left_to_the_pipeline(stub: Stub, reply: Reply, code: str) -> None:
    stub.reader = lambda request: reply
    error = fail(stub)
    assert (error.code, error.transient) == (code, True)
    assert len(stub.requests) == 3


def test_time_out(stub: Stub) -> None:
    stub.reader = lambda request: slow(5)
    error = fail(stub, openai_timeout_seconds=0.1)
    assert (error.code, error.transient) == ("llm_timeout", True)


def test_nobody_there(stub: Stub) -> None:
    error = fail(stub, openai_base_url="http://127.0.0.1:9/v1")
    assert (error.code, error.transient) == ("llm_unreachable", True)


def test_a_long_wait_is_the_pipelines(stub: Stub) -> None:
    stub.script = [failing(429, retry_after=300)]
    error = fail(stub)
    assert (error.code, error.transient, error.retry_after) == ("llm_busy", True, 300)
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [({"retry-after": "7"}, 7), ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5), ({"retry-after": "soon"}, None),
     ({"retry-after": "nan"}, None), ({"retry-after": "-3"}, None), ({}, None), ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None)],
)  # fmt: skip
def test_retry_after(header: dict[str, str], seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_a_date() -> None:
    wait = retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)})
    assert wait is not None
    assert 90 < wait <= 100


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (failing(401, f"Incorrect API key provided: {KEY}"), "llm_unauthorized"),
        (failing(403), "llm_unauthorized"),
        (failing(404, "no such model"), "llm_not_found"),
        (failing(429, "You exceeded your current quota", code="insufficient_quota"), "llm_quota_spent"),
        (failing(400, WORDS), "llm_bad_request"),
    ],
)
def test_a_final_fault_is_not_tried_again(stub: Stub, reply: Reply, code: str) -> None:
    stub.script = [reply]
    error = fail(stub)
    assert (error.code, error.transient) == (code, False)
    assert KEY not in error.message
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        too_long(),
        failing(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded", param="messages"),
        failing(413, "Payload Too Large"),
        failing(429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 31000.", code="rate_limit_exceeded"),
        failing(422, "input token count (40000) exceeds the maximum"),
    ],
)
def test_a_prompt_too_long_asks_for_less(stub: Stub, reply: Reply) -> None:
    stub.script = [reply]
    assert isinstance(fail(stub), ContextTooLong)
    assert len(stub.requests) == 1


def test_a_rate_limit_of_tokens_is_no_prompt_too_long(stub: Stub) -> None:
    stub.script = [failing(429, "Rate limit reached on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.", retry_after=0.01)]
    assert ask(stub)[0] == BLUE


def test_parameters_that_a_server_refuses_are_left_out(stub: Stub) -> None:
    stub.script = [
        failing(400, "Unsupported parameter: use 'max_completion_tokens' instead.", param="max_tokens"),
        failing(400, "Only the default (1) value is supported.", param="temperature"),
        failing(400, "This response_format type is unavailable now"),
    ]
    with Endpoint(settings(stub)) as endpoint:
        assert complete(endpoint, PROMPT, Palette)[0] == BLUE
        assert complete(endpoint, PROMPT, Palette)[0] == BLUE
    assert len(stub.requests) == 5
    last = stub.requests[4].body
    assert set(last) == {"model", "messages", "response_format", "max_completion_tokens"}
    assert last["response_format"] == {"type": "json_object"}
    assert json.dumps(flat_schema(Palette)) in last["messages"][0]["content"]


def test_a_server_that_refuses_everything_ends_it(stub: Stub) -> None:
    stub.reader = lambda request: failing(400, "no", param="temperature")
    assert fail(stub).code == "llm_bad_request"
    assert len(stub.requests) < 10


def test_stopped_it_tries_no_more(stub: Stub) -> None:
    stub.reader = lambda request: failing(500, retry_after=15)
    with Endpoint(settings(stub)) as endpoint:
        endpoint.stop()
        with pytest.raises(AnalysisFailed):
            complete(endpoint, PROMPT, Palette)
    assert len(stub.requests) == 1


def test_the_failure_is_the_callers(stub: Stub) -> None:
    stub.script = [failing(401)]
    with Endpoint(settings(stub), TranscriptionFailed) as endpoint, pytest.raises(TranscriptionFailed):
        complete(endpoint, PROMPT, Palette)


def test_nothing_is_logged(stub: Stub, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        stub.script = [said("no"), failing(500, WORDS), failing(401, f"{KEY} {WORDS}")]
        fail(stub)
    written = caplog.text + "".join(capfd.readouterr())
    assert WORDS not in written
    assert KEY not in written
