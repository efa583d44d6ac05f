from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tradewind.common.contracts.job import OnLoss, SubmitArray, SubmitJob
from tradewind.common.contracts.values import Recovery
from tradewind.gateway.domain.body_faults import first_fault
from tradewind.gateway.domain.job_views import JobItem
from tradewind.gateway.domain.submission import Submission, SubmitRequest, spec_ref, submission

BODY = {"spec": {"name": "n", "roles": [{"count": 3}], "envs": {"B": "2", "A": "1"}}, "priority": 4}
AT = datetime(2026, 1, 1, tzinfo=UTC)


def made(**more: Any) -> Submission:
    request = SubmitRequest.model_validate({**BODY, **more})
    return submission(request, id="i", workspace="w", user="u", at=AT, key=bytes(32), traceparent="t")


def test_a_job() -> None:
    wish = made()
    assert isinstance(wish.command, SubmitJob)
    assert isinstance(wish.shown, JobItem)
    assert (wish.shown.phase, wish.shown.size, wish.shown.version) == ("submitted", 3, 0)
    assert (wish.command.summary.priority, wish.command.spec_ref) == (4, wish.spec_ref)
    assert b'"A":"1"' in wish.spec
    assert "envs" not in wish.command.model_dump_json()


def test_how_it_recovers_is_public_and_its_commands_are_not() -> None:
    role = {"count": 2, "on_loss": "rank", "on_reclaim": "save to-a-secret-place"}
    wish = made(spec={"name": "n", "roles": [role], "recovery": "FAILOVER", "race": 3})
    summary = wish.command.summary
    assert (summary.recovery, summary.race, summary.roles[0].on_loss) == (Recovery.FAILOVER, 3, OnLoss.RANK)
    assert b"secret" in wish.spec
    assert "secret" not in wish.command.model_dump_json()


@pytest.mark.parametrize(
    "wrong", [{"recovery": "NONE"}, {"race": 0}, {"race": 9}, {"roles": [{"on_loss": "node"}]}]
)
def test_recovery_that_there_is_not_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(spec={"name": "n", "roles": [{}], **wrong})


def test_an_array() -> None:
    wish = made(count=5)
    assert isinstance(wish.command, SubmitArray)
    assert wish.command.count == 5
    assert not isinstance(wish.shown, JobItem)
    assert (wish.shown["count"], wish.shown["expanded"]) == (5, 0)


def test_equal_specs_are_kept_once_and_tell_nothing() -> None:
    assert made().spec_ref == made(priority=0).spec_ref
    spec = b"spec"
    refs = {
        spec_ref(spec, workspace="w", key=bytes(32)),
        spec_ref(spec, workspace="v", key=bytes(32)),
        spec_ref(spec, workspace="w", key=bytes([1] * 32)),
    }
    assert len(refs) == 3


def test_a_request_is_the_same_however_it_is_written() -> None:
    other = {"priority": 4, "max_restarts": 0, "spec": {**BODY["spec"], "envs": {"A": "1", "B": "2"}}}  # type: ignore[dict-item] # a dict
    assert SubmitRequest.model_validate(BODY).digest() == SubmitRequest.model_validate(other).digest()
    assert (
        SubmitRequest.model_validate(BODY).digest()
        != SubmitRequest.model_validate({**BODY, "count": 1}).digest()
    )


@pytest.mark.parametrize(
    ("sent", "field", "detail"),
    [
        (BODY, None, ""),
        ({**BODY, "priorty": 1}, "priorty", "there is no such field; there are cluster, count"),
        (
            {"spec": {"name": "n", "roles": [{}, {"name": "b", "shape": {"gpus": 1}}]}},
            "spec.roles.1.shape.gpus",
            "there are accelerator,",
        ),
        ({"spec": {"name": "n", "roles": [{"run": "a\0"}]}}, "spec.roles.0.run", "NUL"),
        ({"spec": {"name": "n", "roles": [{"run": "\ud800"}]}}, "spec.roles.0.run", "surrogate"),
        (
            {"spec": {"name": "n", "roles": [{"shape": {"infra": "\udfff"}}]}},
            "spec.roles.0.shape.infra",
            "surrogate",
        ),
        (
            {"spec": {"name": "n", "roles": [{"shape": {"cpus": float("inf")}}]}},
            "spec.roles.0.shape.cpus",
            "finite",
        ),
    ],
)
def test_what_a_model_lets_pass(sent: Any, field: str | None, detail: str) -> None:
    fault = first_fault(sent, SubmitRequest.model_validate(sent))
    assert (fault.field if fault else None) == field
    assert detail in (fault.detail if fault else "")
