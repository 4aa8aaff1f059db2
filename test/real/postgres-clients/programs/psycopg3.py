"""psycopg 3: server-side binding, binary results, prepared statements, pipelines, server cursors, COPY, errors."""

import psycopg
from psycopg import sql

FIELDS = (
    "severity severity_nonlocalized sqlstate message_primary message_detail message_hint statement_position "
    "internal_position internal_query context schema_name table_name column_name datatype_name constraint_name"
).split()


def case(name):
    print(f"== {name}", flush=True)


def told(error):
    for field in FIELDS:
        value = getattr(error.diag, field)
        if value is not None:
            print(f"{field}: {value}")


def failing(connection, text, parameters=None):
    try:
        connection.execute(text, parameters)
        print("no error")
    except psycopg.Error as error:
        told(error)
    print(connection.info.transaction_status)
    connection.rollback()


connection = psycopg.connect("")
for binary in (False, True):
    kind = "binary" if binary else "text"
    case(f"rows, {kind}")
    cursor = connection.cursor(binary=binary)
    cursor.execute("SELECT * FROM compat.items WHERE id < %s ORDER BY id", (40,))
    print(cursor.description)
    result = cursor.pgresult
    for column in range(result.nfields):
        print(result.fname(column), result.ftable(column), result.ftablecol(column), result.fformat(column), result.ftype(column), result.fmod(column), result.fsize(column))
    for row in range(result.ntuples):
        print([result.get_value(row, column) for column in range(result.nfields)])
    case(f"parameters, {kind}")
    cursor.execute("SELECT %b::int4, %b::text, %b::int4[], %b::bytea, %t::numeric, %s::text", (7, "ü€😀", [1, 2], b"\0\1", 1.5, None))
    print(cursor.fetchall())

case("one statement twenty times, so it is prepared")
for n in range(20):
    print(connection.execute("SELECT name FROM compat.items WHERE id = %s", (n,)).fetchall())
connection.commit()

for name, text, parameters in (
    ("division by zero", "SELECT 1 / %s::int", (0,)),
    ("not a number", "SELECT %s::int", ("x",)),
    ("unique violation", "INSERT INTO compat.items (id, name) VALUES (%s, 'again')", (1,)),
    ("check violation", "UPDATE compat.items SET price = -1 WHERE id = 2", None),
    ("any: undefined column", "SELECT nothing FROM compat.items", None),
    ("any: syntax error", "SELECT 1 +", None),
):
    case(name)
    failing(connection, text, parameters)

case("notices")
connection.add_notice_handler(told)
notices = []
connection.add_notice_handler(lambda diag: notices.append((diag.severity, diag.sqlstate, diag.message_primary)))
connection._notice_handlers.pop(0)
connection.execute("CREATE TABLE IF NOT EXISTS compat.scratch (id int)")
print(notices)
connection.rollback()

if psycopg.Pipeline.is_supported():
    case("a pipeline")
    with connection.pipeline() as pipeline:
        cursors = [connection.execute("SELECT id, name FROM compat.items WHERE id = %s", (n,)) for n in range(100)]
        pipeline.sync()
        print([each.fetchall() for each in cursors])
    connection.rollback()
    case("a pipeline with an error in its middle")
    connection.autocommit = True
    try:
        with connection.pipeline() as pipeline:
            first = connection.execute("SELECT 1")
            connection.execute("SELECT 1 / %s::int", (0,))
            connection.execute("SELECT 3")
            pipeline.sync()
    except psycopg.Error as error:
        told(error)
    print(first.fetchall(), connection.execute("SELECT 'after'").fetchall())
    case("executemany in a pipeline")
    connection.autocommit = False
    many = connection.cursor()
    many.executemany("INSERT INTO compat.scratch VALUES (%s, %s)", [(n, str(n)) for n in range(500)])
    print(many.rowcount, connection.execute("SELECT count(*), sum(id) FROM compat.scratch").fetchall())
    connection.rollback()

case("a server cursor")
with connection.cursor(name="served", binary=True) as cursor:
    cursor.itersize = 50
    cursor.execute("SELECT id, price FROM compat.items ORDER BY id")
    print(cursor.fetchmany(4), sum(1 for _ in cursor))
connection.rollback()

for kind in ("TEXT", "BINARY"):
    case(f"copy, {kind}")
    with connection.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY compat.scratch FROM STDIN (FORMAT {})").format(sql.SQL(kind))) as copy:
            copy.set_types(["int4", "text"])
            for n in range(2000):
                copy.write_row((n, f"word {n}"))
        print(cursor.statusmessage)
        with cursor.copy(f"COPY compat.scratch TO STDOUT (FORMAT {kind})") as copy:
            print(b"".join(bytes(block) for block in copy))
        print(cursor.statusmessage)
    connection.rollback()

case("copy that the client gives up")
try:
    with connection.cursor() as cursor, cursor.copy("COPY compat.scratch FROM STDIN") as copy:
        copy.write("1\tone\n")
        raise ValueError("changed my mind")
except (ValueError, psycopg.Error) as error:
    print(error)
print(connection.info.transaction_status)
connection.rollback()

case("nested transactions")
with connection.transaction():
    try:
        with connection.transaction():
            connection.execute("SELECT 1 / 0")
    except psycopg.Error as error:
        print(error.sqlstate)
    print(connection.execute("SELECT 'outer'").fetchall(), connection.info.transaction_status)

case("any: notifications")
connection.autocommit = True
connection.execute("LISTEN told")
with psycopg.connect("", autocommit=True) as other:
    other.execute("NOTIFY told, 'payload'")
for note in connection.notifies():
    print(note.channel, note.payload)
    break
connection.close()
