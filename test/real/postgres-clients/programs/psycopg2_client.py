"""psycopg2: types, parameters, errors by field, notices, transactions, named cursors, COPY, cancel, notifications."""

import io
import threading

import psycopg2
import psycopg2.extensions
import psycopg2.extras

FIELDS = (
    "severity severity_nonlocalized sqlstate message_primary message_detail message_hint statement_position "
    "internal_position internal_query context schema_name table_name column_name datatype_name constraint_name"
).split()


def case(name):
    print(f"== {name}", flush=True)


def failing(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql, parameters)
            print("no error")
        except psycopg2.Error as error:
            for field in FIELDS:
                value = getattr(error.diag, field)
                if value is not None:
                    print(f"{field}: {value}")
    print("status", connection.info.transaction_status)
    connection.rollback()


connection = psycopg2.connect("")
case("settings")
for name in ("server_encoding", "client_encoding", "DateStyle", "integer_datetimes", "standard_conforming_strings"):
    print(name, connection.get_parameter_status(name))
print(connection.server_version, connection.info.protocol_version)

cursor = connection.cursor()
for limit in (0, 1, 500):
    case(f"rows, {limit}")
    cursor.execute("SELECT * FROM compat.items WHERE id <= %s ORDER BY id", (limit,))
    print(cursor.description)
    for row in cursor:
        print([bytes(value) if isinstance(value, memoryview) else value for value in row])
    print(cursor.rowcount, cursor.statusmessage)

case("parameters")
cursor.execute("SELECT %s, %s, %s, %s::jsonb, %s", (1, "ü€😀'\\", [1, 2], '{"a": 1}', None))
print(cursor.fetchall())

case("division by zero")
failing(connection, "SELECT 1 / 0")
case("not a number")
failing(connection, "SELECT %s::int", ("x",))
case("unique violation")
failing(connection, "INSERT INTO compat.items (id, name) VALUES (1, 'again')")
case("check violation")
failing(connection, "UPDATE compat.items SET price = -1 WHERE id = 2")
case("not null violation")
failing(connection, "INSERT INTO compat.items (id) VALUES (9001)")
case("any: undefined table")
failing(connection, "SELECT * FROM compat.nothing")
case("any: syntax error")
failing(connection, "SELECT 1 +")

case("aborted transaction")
try:
    cursor.execute("SELECT 1 / 0")
except psycopg2.Error:
    pass
failing(connection, "SELECT 1")

case("notices")
del connection.notices[:]
cursor.execute("CREATE TABLE IF NOT EXISTS compat.scratch (id int)")
print(connection.notices)
connection.rollback()

case("a named cursor")
with connection.cursor("named") as named:
    named.itersize = 33
    named.execute("SELECT id, name FROM compat.items ORDER BY id")
    print(named.fetchone(), named.fetchmany(3), sum(1 for _ in named))
connection.rollback()

case("a named cursor that scrolls")
with connection.cursor("scrolls", scrollable=True) as named:
    named.execute("SELECT id FROM compat.items ORDER BY id")
    named.scroll(10)
    print(named.fetchmany(2))
    named.scroll(-5)
    print(named.fetchmany(2))
connection.rollback()

case("copy in and out")
cursor.copy_expert("COPY compat.scratch FROM STDIN", io.StringIO("".join(f"{n}\tword {n}\n" for n in range(5000))))
print(cursor.rowcount)
out = io.StringIO()
cursor.copy_expert("COPY compat.scratch TO STDOUT (FORMAT csv)", out)
print(out.getvalue())
connection.rollback()

case("copy that fails")
try:
    cursor.copy_expert("COPY compat.scratch FROM STDIN", io.StringIO("1\ta\nx\tb\n"))
except psycopg2.Error as error:
    print(error.diag.sqlstate, error.diag.message_primary, error.diag.context)
connection.rollback()

case("executemany")
psycopg2.extras.execute_values(cursor, "INSERT INTO compat.scratch VALUES %s", [(n, str(n)) for n in range(1000)])
cursor.execute("SELECT count(*), sum(id) FROM compat.scratch")
print(cursor.fetchall())
connection.rollback()

case("isolation and read only")
connection.set_session(isolation_level="SERIALIZABLE", readonly=True)
cursor.execute("SHOW transaction_isolation")
print(cursor.fetchall())
failing(connection, "INSERT INTO compat.scratch VALUES (1, 'x')")
connection.set_session(isolation_level="DEFAULT", readonly=False)

case("autocommit")
connection.autocommit = True
cursor.execute("SELECT 1")
print(connection.info.transaction_status)

case("cancel")
timer = threading.Timer(0.7, connection.cancel)
timer.start()
failing_connection_status = None
try:
    cursor.execute("SELECT count(*) FROM generate_series(1, 100000000000)")
except psycopg2.extensions.QueryCanceledError as error:
    print(error.diag.sqlstate, error.diag.message_primary)
cursor.execute("SELECT 'after'")
print(cursor.fetchall())

case("any: large objects")
connection.autocommit = False
large = connection.lobject(0, "w")
print(large.write("word " * 5000), large.tell())
large.truncate(20)
print(large.seek(5), large.tell())
large.close()
again = connection.lobject(large.oid, "rb")
print(again.read(7), again.read())
again.close()
again.unlink()
try:
    connection.lobject(large.oid, "r")
except psycopg2.Error as error:
    print(error.diag.sqlstate)
connection.rollback()
connection.autocommit = True

case("any: notifications")
cursor.execute("LISTEN told")
cursor.execute("NOTIFY told, 'payload'")
connection.poll()
print([(note.channel, note.payload) for note in connection.notifies])
connection.close()
