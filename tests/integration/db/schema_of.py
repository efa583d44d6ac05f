"""A schema in words: every column, rule, index and function of it as Postgres itself writes them."""

import asyncpg

EVERYTHING = """
SELECT format('%s %s %s not null %s generated %s default %s', relname, attname,
              format_type(atttypid, atttypmod), attnotnull, attgenerated, pg_get_expr(adbin, adrelid))
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('%s constraint %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE connamespace = $1::regnamespace
UNION ALL
SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = $1::regnamespace
UNION ALL
SELECT format('%s with %s', relname, reloptions) FROM pg_class
WHERE relnamespace = $1::regnamespace AND relkind = 'r'
UNION ALL
SELECT regexp_replace(pg_get_functiondef(oid), '\\s+', ' ', 'g') FROM pg_proc
WHERE pronamespace = $1::regnamespace
"""


async def schema_of(url: str, schema: str, *, without: str) -> set[str]:
    """All that is in `schema` but the table `without`."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(EVERYTHING, schema)
    await connection.close()
    return {row[0] for row in rows if without not in row[0]}
