"""Many processes' lines in one terminal."""

import pytest

from insight_journey.cli.output import Prefixed


def feed(output: Prefixed, text: bytes, pid: int = 1, name: str = "stdout") -> None:
    output({"data": text, "pid": pid, "name": name})


def test_it_works(capsys: pytest.CaptureFixture[str]):
    feed(Prefixed("api", 6), b"one\ntwo\n")
    assert capsys.readouterr().out == "api    | one\napi    | two\n"


def test_a_line_in_pieces_is_one_line(capsys: pytest.CaptureFixture[str]):
    output = Prefixed("api", 3)
    feed(output, b"begin ")
    feed(output, b"other stream\n", name="stderr")
    feed(output, "of ein Wört".encode()[:-2])
    assert capsys.readouterr().out == "api | other stream\n"
    feed(output, "Wört".encode()[-2:] + b"\nrest")
    output.close()
    assert capsys.readouterr().out.splitlines()[-1] == "api | rest"


def test_quiet_keeps_until_asked(capsys: pytest.CaptureFixture[str]):
    output = Prefixed("api", 3, quiet=True)
    feed(output, b"why\n")
    assert capsys.readouterr().out == ""
    output.say("ended")
    output.show()
    output.show()
    assert capsys.readouterr().out == "api | ended\napi | why\n"
