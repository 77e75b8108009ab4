"""The cast, new for each test: Alice owns, Bob is her practitioner by consent, Charlie is a stranger."""

import pytest

from tests.stack import Person, Stack


@pytest.fixture
def alice(stack: Stack) -> Person:
    return stack.person("Alice")


@pytest.fixture
def bob(stack: Stack) -> Person:
    return stack.person("Bob")


@pytest.fixture
def charlie(stack: Stack) -> Person:
    return stack.person("Charlie")
