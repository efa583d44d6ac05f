"""Who may touch a service's schema: the role `tradewind_<service>`, where the installer made it, and no
other service's.

Postgres gives nobody anything in a new schema, so that what is not granted here is refused.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewind.common.db.revisions import VERSION_TABLE


def role_of(service: str) -> str:
    return f"tradewind_{service}"


async def grant(connection: AsyncConnection, service: str) -> None:
    """Let the service's role use what its migrations made; not change it. Does nothing if there is no such
    role.
    """
    role = role_of(service)
    exists = text("SELECT true FROM pg_roles, pg_namespace WHERE rolname = :role AND nspname = :schema")
    if not await connection.scalar(exists, {"role": role, "schema": service}):
        return
    for statement in (
        f"GRANT USAGE ON SCHEMA {service} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA {service} TO {role}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {service}.{VERSION_TABLE} FROM {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {service} TO {role}",
    ):
        await connection.execute(text(statement))
