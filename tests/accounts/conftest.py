"""An app context over a database of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from insight_journey.accounts.keys import keystore
from insight_journey.app import create_app
from insight_journey.settings import Settings


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[Flask]:
    app = create_app(Settings(home=tmp_path, database_url=database_url).resolved())
    with app.app_context():
        yield app
    app.extensions["db"][0].dispose()
    keystore.engine.dispose()
