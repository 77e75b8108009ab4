"""One person's many uploads do not hold up another's first."""

from tests.stack import Person


def test_another_first_upload_waits_for_one_job_at_most(alice: Person, bob: Person) -> None:
    hers = [alice.post(f"/sessions/{alice.session()}/text", {"text": "I feel sad."})["id"] for _ in range(20)]
    his = bob.wait(bob.post(f"/sessions/{bob.session()}/text", {"text": "I feel glad."})["id"])
    ended = [alice.wait(run_id) for run_id in hers]
    between = [run for run in ended if his["created_at"] < run["started_at"] < his["started_at"]]
    assert len(between) <= 1
    assert {run["status"] for run in (his, *ended)} == {"finished"}
