"""psqlODBC by pyodbc: server-side prepare, UseDeclareFetch, catalog functions, errors, transactions."""

import os

import pyodbc


def case(name):
    print(f"== {name}", flush=True)


def show(cursor):
    print(cursor.description)
    for row in cursor:
        print(list(row))


def opened(**more):
    words = {
        "DRIVER": "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so",
        "SERVER": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "DATABASE": os.environ["PGDATABASE"],
        "UID": os.environ["PGUSER"],
        "PWD": os.environ["PGPASSWORD"],
        "SSLmode": os.environ["PGSSLMODE"],
        **more,
    }
    return pyodbc.connect(";".join(f"{name}={value}" for name, value in words.items()))


for more in ({}, {"UseDeclareFetch": "1", "Fetch": "25"}, {"UseServerSidePrepare": "0"}):
    kind = ",".join(more) or "plain"
    connection = opened(**more)
    cursor = connection.cursor()
    case(f"rows, {kind}")
    for limit in (0, 1, 120):
        show(cursor.execute("SELECT * FROM compat.items WHERE id <= ? ORDER BY id", limit))
    case(f"parameters, {kind}")
    show(cursor.execute("SELECT ?::text, ?::int, ?::float8", "ü€", 7, 1.5))
    for name, sql in (
        ("division by zero", "SELECT 1 / 0"),
        ("unique violation", "INSERT INTO compat.items (id, name) VALUES (1, 'again')"),
        ("any: undefined table", "SELECT * FROM compat.nothing"),
    ):
        case(f"{name}, {kind}")
        try:
            cursor.execute(sql)
            print("no error")
        except pyodbc.Error as error:
            print(error.args)
        connection.rollback()
    case(f"a transaction, {kind}")
    cursor.execute("INSERT INTO compat.scratch VALUES (?, ?)", 1, "one")
    print(cursor.rowcount)
    show(cursor.execute("SELECT * FROM compat.scratch"))
    connection.rollback()
    show(cursor.execute("SELECT count(*) FROM compat.scratch"))
    case(f"executemany, {kind}")
    cursor.executemany("INSERT INTO compat.scratch VALUES (?, ?)", [(n, str(n)) for n in range(200)])
    show(cursor.execute("SELECT count(*), sum(id) FROM compat.scratch"))
    connection.rollback()
    case(f"catalog: tables, {kind}")
    print([list(row)[1:4] for row in cursor.tables(schema="compat")])
    case(f"catalog: columns, {kind}")
    print([list(row)[1:] for row in cursor.columns(schema="compat", table="items")])
    case(f"catalog: keys, {kind}")
    print([list(row)[1:] for row in cursor.primaryKeys(schema="compat", table="items")])
    case(f"catalog: statistics, {kind}")
    print([list(row)[1:] for row in cursor.statistics(schema="compat", table="items")])
    connection.close()
