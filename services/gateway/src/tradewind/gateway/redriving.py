"""Gives dead letters back to their services, at the word of a person.

That takes the rights of an operator (to publish under others' nouns, and to remove a message), which the
gateway's own user has not: a connection with them is opened for each re-drive, and closed after it.
"""

from tradewind.common.bus.connection import connect
from tradewind.common.bus.dead_letter_box import DeadLetterBox
from tradewind.common.bus.dead_letters import DeadLetter


class NotAnOperator(PermissionError):
    """This installation gives the gateway no operator's user. The text says what to set."""


async def redrive(sequence: int, *, operator_url: str | None) -> DeadLetter:
    """Raises NotAnOperator, NoSuchLetter, Unavailable."""
    if operator_url is None:
        raise NotAnOperator(
            "this gateway may not re-drive dead letters: set TRADEWIND_NATS_OPERATOR_URL where it runs"
        )
    connection = await connect(operator_url, name="tradewind.gateway.operator")
    try:
        box = DeadLetterBox(connection)
        try:
            return await box.redrive(sequence)
        finally:
            await box.close()
    finally:
        await connection.close()
