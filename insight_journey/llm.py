"""One question to a language model: `complete(endpoint, prompt, answer_type)` gives a validated answer and what it took.

The most portable call: chat completions with a strict JSON schema, and our own validation, because some servers accept
a schema and ignore it. An invalid answer gets one try at repair, then the schema goes into the prompt and plain JSON is
asked for. What a server refuses by name (schema, temperature, max_tokens) is left out from then on.
"""

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import openai
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ValidationError

from insight_journey.openai_api import OPTIONAL, ContextTooLong, Endpoint, RefusedParameter, Tokens

A = TypeVar("A", bound=BaseModel)
Message = dict[str, str]

ANSWER_TOKENS = 4096
THINKING_TOKENS = 16384  # of models that think first, what they think counts too
SHOWN = 8000  # characters of an invalid answer that are shown for repair
# Limits (maxLength, minimum ...) are left out: servers differ in which they know, and answers are validated here anyway.
KEPT = ("type", "enum", "const", "description")


@dataclass(frozen=True)
class Prompt:
    """What is asked: `system` the rules, the same each time; `user` the material."""

    system: str
    user: str


@dataclass(frozen=True)
class Question:
    """A prompt on its way: with the schema of its answer, messages that ask for repair, and whether the schema is spelt out."""

    prompt: Prompt
    schema: dict[str, Any]
    repair: tuple[Message, ...] = ()
    spelt_out: bool = False


def complete(endpoint: Endpoint, prompt: Prompt, answer_type: type[A]) -> tuple[A, Tokens]:
    """Ask, and validate. The tokens are those of this call, invalid answers included.

    Raises `endpoint.failure`: codes of `openai_api`, and `llm_invalid_answer`; ContextTooLong when the prompt does not
    fit or the answer was cut off (`llm_answer_too_long`).
    """
    question, spent = Question(prompt, flat_schema(answer_type)), Tokens()
    for turn in range(3):
        text, tokens = _ask(endpoint, question)
        spent += tokens
        try:
            return answer_type.model_validate_json(_json_in(text)), spent
        except ValidationError as error:
            again = {"repair": _repair(text, error)} if turn == 0 else {"repair": (), "spelt_out": True}
            question = replace(question, **again)
    raise endpoint.failure("The language model gave no usable answer.", code="llm_invalid_answer")


def flat_schema(answer_type: type[BaseModel]) -> dict[str, Any]:
    """The strict schema of a type: no references, every property required, nothing else allowed, no limits."""
    schema = answer_type.model_json_schema()
    return _flat(schema, schema.get("$defs", {}))


def _flat(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[-1]]
    flat = {key: node[key] for key in KEPT if key in node}
    if "anyOf" in node:
        flat["anyOf"] = [_flat(choice, definitions) for choice in node["anyOf"]]
    if "items" in node:
        flat["items"] = _flat(node["items"], definitions)
    if "properties" in node:
        properties = {name: _flat(part, definitions) for name, part in node["properties"].items()}
        flat.pop("description", None)  # our docstring, not the model's business
        flat |= {"properties": properties, "required": list(properties), "additionalProperties": False}
    return flat


def _ask(endpoint: Endpoint, question: Question) -> tuple[str, Tokens]:
    """One answer; what the server refuses by name is left out and asked again."""
    for _ in range(len(OPTIONAL) + 1):
        request = _request(endpoint.refused, endpoint.settings.openai_model, question)
        try:
            return _read(endpoint, request, endpoint.call(partial(_send, request)))
        except RefusedParameter as refused:
            shape = request.get("response_format", {})
            endpoint.refused.add(shape.get("type", "") if refused.name == "response_format" else refused.name)
    raise endpoint.failure("The language model does not take this kind of request.", code="llm_bad_request")


def _send(request: dict[str, Any], client: openai.OpenAI) -> ChatCompletion:
    completion = client.chat.completions.create(**request)
    if not isinstance(completion, ChatCompletion):
        raise ValueError("not a completion")
    return completion


def _request(refused: set[str], model: str, question: Question) -> dict[str, Any]:
    spelt_out = question.spelt_out or "json_schema" in refused
    request: dict[str, Any] = {"model": model, "messages": _messages(question, spelt_out)}
    if not spelt_out:
        request["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": question.schema}}
    elif "json_object" not in refused:
        request["response_format"] = {"type": "json_object"}
    if "temperature" not in refused:
        request["temperature"] = 0
    if "max_tokens" not in refused:
        request["max_tokens"] = ANSWER_TOKENS
    elif "max_completion_tokens" not in refused:
        request["max_completion_tokens"] = THINKING_TOKENS
    return request


def _messages(question: Question, spelt_out: bool) -> list[Message]:
    system = question.prompt.system
    if spelt_out:
        system += f"\n\nAnswer with one JSON object of this JSON schema and nothing else:\n{json.dumps(question.schema)}"
    return [{"role": "system", "content": system}, {"role": "user", "content": question.prompt.user}, *question.repair]


def _repair(text: str, error: ValidationError) -> tuple[Message, ...]:
    faults = [f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}" for fault in error.errors(include_input=False)[:10]]
    wanted = "That is not a valid answer:\n" + "\n".join(faults) + "\nAnswer again, completely, as one JSON object of the schema."
    return {"role": "assistant", "content": text[:SHOWN]}, {"role": "user", "content": wanted}


def _read(endpoint: Endpoint, request: dict[str, Any], completion: ChatCompletion) -> tuple[str, Tokens]:
    tokens = _tokens(request, completion)
    endpoint.count(tokens)
    if not completion.choices:
        return "", tokens
    choice = completion.choices[0]
    if choice.finish_reason == "length":
        raise ContextTooLong("The answer of the language model was cut off.", code="llm_answer_too_long")
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        raise endpoint.failure("The language model refused to read this text.", code="llm_refused")
    return choice.message.content or "", tokens


def _tokens(request: dict[str, Any], completion: ChatCompletion) -> Tokens:
    """As the server counted, else estimated: a budget must not depend on a server's manners."""
    if usage := completion.usage:
        return Tokens(usage.prompt_tokens or 0, usage.completion_tokens or 0)
    said = "".join(choice.message.content or "" for choice in completion.choices or [])
    return Tokens(sum(estimate(message["content"]) for message in request["messages"]), estimate(said))


def estimate(text: str) -> int:
    """Tokens of a text, roughly and rather too many: 3 bytes of UTF-8 each (English has about 4, other scripts 2 to 3)."""
    return len(text.encode()) // 3 + 1


def _json_in(text: str) -> str:
    """From the first brace to the last: servers that enforce nothing wrap an answer in fences, thoughts or manners."""
    text = text.rpartition("</think>")[2]
    return text[max(text.find("{"), 0) : text.rfind("}") + 1]
