"""asyncpg: binary everywhere, its own introspection, statement cache, cursors, COPY, transactions, cancel."""

import asyncio
import io

import asyncpg


def case(name):
    print(f"== {name}", flush=True)


async def failing(connection, sql, *parameters):
    try:
        print(await connection.fetch(sql, *parameters))
    except asyncpg.PostgresError as error:
        hidden = ("server_source_filename", "server_source_line", "server_source_function")
        for field, value in sorted(error.as_dict().items()):
            if field not in hidden and value is not None:
                print(f"{field}: {value}")


async def main():
    connection = await asyncpg.connect()
    case("settings")
    settings = connection.get_settings()
    print(settings.server_encoding, settings.client_encoding, settings.TimeZone, settings.DateStyle)
    print(connection.get_server_version())
    case("rows")
    for row in await connection.fetch("SELECT * FROM compat.items WHERE id <= $1 ORDER BY id", 100):
        print(row)
    case("a statement's attributes")
    statement = await connection.prepare("SELECT id, name, price, tags FROM compat.items WHERE id = $1 AND name = $2")
    print(statement.get_parameters(), statement.get_attributes())
    print(await statement.fetch(3, "item 3"), statement.get_statusmsg())
    case("types of its own introspection")
    print(await connection.fetch("SELECT $1::compat.mood, $2::compat.pair, $3::compat.mood[]", "glad", (1, "x"), ["sad"]))
    case("the statement cache")
    for n in range(30):
        print(await connection.fetchval("SELECT name FROM compat.items WHERE id = $1", n))
    for name, sql, parameters in (
        ("division by zero", "SELECT 1 / $1::int", (0,)),
        ("unique violation", "INSERT INTO compat.items (id, name) VALUES ($1, 'again')", (1,)),
        ("check violation", "UPDATE compat.items SET price = -1 WHERE id = 2", ()),
        ("any: undefined table", "SELECT * FROM compat.nothing", ()),
        ("any: syntax error", "SELECT 1 +", ()),
    ):
        case(name)
        await failing(connection, sql, *parameters)
        print(connection.is_in_transaction())
    case("notices")
    heard = []
    connection.add_log_listener(lambda _, message: heard.append((message.severity, message.sqlstate, message.message)))
    await connection.execute("CREATE TABLE IF NOT EXISTS compat.scratch (id int)")
    await asyncio.sleep(0.1)
    print(heard)
    case("a cursor")
    async with connection.transaction():
        cursor = await connection.cursor("SELECT id FROM compat.items ORDER BY id")
        print(await cursor.fetch(5), await cursor.forward(10), await cursor.fetchrow())
        print([row["id"] async for row in connection.cursor("SELECT id FROM compat.items ORDER BY id", prefetch=17)])
    case("copy")
    transaction = connection.transaction()
    await transaction.start()
    print(await connection.copy_records_to_table("scratch", schema_name="compat", records=[(n, f"w{n}") for n in range(3000)]))
    out = io.BytesIO()
    print(await connection.copy_from_table("scratch", schema_name="compat", output=out, format="csv"))
    print(out.getvalue())
    print(await connection.copy_from_query("SELECT id FROM compat.scratch WHERE id < $1 ORDER BY id", 5, output=out))
    await transaction.rollback()
    case("executemany")
    transaction = connection.transaction()
    await transaction.start()
    await connection.executemany("INSERT INTO compat.scratch VALUES ($1, $2)", [(n, str(n)) for n in range(500)])
    print(await connection.fetch("SELECT count(*), sum(id) FROM compat.scratch"))
    await transaction.rollback()
    case("an error in executemany")
    try:
        await connection.executemany("INSERT INTO compat.scratch VALUES ($1, $2)", [(1, "a"), (1, "b")])
    except asyncpg.PostgresError as error:
        print(error.sqlstate, error.detail)
    print(await connection.fetchval("SELECT count(*) FROM compat.scratch"))
    case("a timeout cancels")
    try:
        await connection.fetch("SELECT count(*) FROM generate_series(1, 100000000000)", timeout=0.7)
    except asyncio.TimeoutError as error:
        print(type(error).__name__)
    print(await connection.fetchval("SELECT 'after'"))
    case("any: reset, and a pool")
    await connection.reset()
    async with asyncpg.create_pool(min_size=2, max_size=4) as pool:
        print(await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(40))))
    case("any: notifications")
    arrived = asyncio.Queue()
    await connection.add_listener("told", lambda _c, _p, channel, payload: arrived.put_nowait((channel, payload)))
    await connection.execute("NOTIFY told, 'payload'")
    print(await asyncio.wait_for(arrived.get(), 5))
    await connection.close()


asyncio.run(main())
