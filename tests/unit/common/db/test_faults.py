"""What the driver's errors mean, told by their SQLSTATE as Postgres sends it."""

import asyncpg
import pytest
from sqlalchemy import exc

from tradewind.common.db.faults import LEASE_LOST, VERSION_MOVED, meaning_of, translated
from tradewind.common.reactor.ports import LeaseLost, StoreConflict, StoreRefused, Unavailable


def sent(code: str, *, table: str = "", constraint: str = "") -> BaseException:
    """The error that asyncpg makes of what a server sends (protocol, "Error and Notice Message Fields")."""
    return asyncpg.PostgresError.new({"S": "ERROR", "C": code, "M": "words", "t": table, "n": constraint})


def of_sqlalchemy(error: BaseException) -> BaseException:
    dbapi_error = Exception("words")
    dbapi_error.__cause__ = error
    return exc.DBAPIError("SELECT 1", {}, dbapi_error)


MEANINGS: list[tuple[BaseException, type[Exception] | None]] = [
    (sent(LEASE_LOST), LeaseLost),
    (sent(VERSION_MOVED), StoreConflict),
    (sent("23505", table="job", constraint="job_pkey"), StoreConflict),
    (sent("23505", table="claim", constraint="claim_one_a_name"), StoreRefused),
    (sent("23514", table="job", constraint="job_wakes_while_it_lives"), StoreRefused),
    (sent("22P05"), StoreRefused),  # \u0000 in jsonb
    (sent("54000"), StoreRefused),  # an index entry too long
    (sent("57P01"), Unavailable),  # shut down by the administrator
    (sent("57P03"), Unavailable),  # starting up
    (sent("57014"), Unavailable),  # statement timeout
    (sent("53300"), Unavailable),  # too many connections
    (sent("25006"), Unavailable),  # read only: a standby
    (sent("40P01"), Unavailable),  # deadlock
    (of_sqlalchemy(sent("53100")), Unavailable),  # disk full
    (of_sqlalchemy(sent("22003")), StoreRefused),
    (asyncpg.InterfaceError("connection is closed"), Unavailable),
    (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"), Unavailable),
    (asyncpg.InvalidCachedStatementError("cached statement plan is invalid"), Unavailable),
    (ConnectionRefusedError(), Unavailable),
    (TimeoutError(), Unavailable),
    (exc.TimeoutError("pool"), Unavailable),
    # Faults of ours or of the installation, which waiting does not cure:
    (sent("42P01"), None),  # no such table
    (sent("42501"), None),  # no permission
    (sent("28P01"), None),  # a wrong password
    (sent("3D000"), None),  # no such database
    (of_sqlalchemy(sent("42601")), None),
    (exc.InvalidRequestError("words"), None),
    (asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"), None),
    (ValueError("words"), None),
]


NAMES = [f"{number}-{type(error).__name__}" for number, (error, _) in enumerate(MEANINGS)]


@pytest.mark.parametrize(("error", "meaning"), MEANINGS, ids=NAMES)
def test_meaning(error: BaseException, meaning: type[Exception] | None) -> None:
    said = meaning_of(error)
    assert (type(said) if said else None) is meaning
    with pytest.raises(meaning or type(error)), translated():
        raise error


def test_a_refusal_names_the_rule() -> None:
    refused = meaning_of(sent("23514", table="job", constraint="job_wakes_while_it_lives"))
    assert str(refused) == "job.job_wakes_while_it_lives: words"
