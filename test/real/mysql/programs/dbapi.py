"""The same work by PyMySQL or mysqlclient (argument: the module's name). Prints what it got, a line a step."""
import decimal, importlib, json, os, sys, warnings

driver = importlib.import_module(sys.argv[1])
cursors = importlib.import_module(sys.argv[1] + ".cursors")
env = os.environ
login = dict(host=env["LICET_HOST"], port=int(env["LICET_PORT"]), user=env["LICET_USER"], password=env["LICET_PASSWORD"],
             charset="utf8mb4")
warnings.simplefilter("ignore")


def connect(**more):
    return driver.connect(**{**login, "database": env["LICET_DATABASE"], **more})


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex() if len(value) < 500 else "bytes %d" % len(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (int, float, str, type(None))):
        return value if not isinstance(value, str) or len(value) < 5000 else "text %d" % len(value)
    return "%s %s" % (type(value).__name__, value)


def say(name, *values):
    print(name + ":", json.dumps(plain(values), ensure_ascii=False), flush=True)


def run(cursor, sql, parameters=None, name=None):
    try:
        count = cursor.execute(sql, parameters)
        described = [list(column[:2]) + [column[6]] for column in cursor.description or []]
        say(name or sql[:60], count, described, cursor.fetchall(), cursor.lastrowid)
    except driver.MySQLError as error:
        say(name or sql[:60], type(error).__name__, error.args)


def read(connection):
    with connection.cursor() as cursor:
        run(cursor, "SELECT * FROM customers ORDER BY id")
        run(cursor, "SELECT id, status FROM orders WHERE customer_id = %s AND status <> %s ORDER BY id", (7, "it's"))
        run(cursor, "SELECT * FROM order_totals ORDER BY customer_id LIMIT 5")
        run(cursor, "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id LIMIT 3")
        run(cursor, "SELECT 1 WHERE 1 = 0")
        run(cursor, "SHOW TABLES")
        run(cursor, "SHOW COLUMNS FROM orders")
        run(cursor, "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")
        run(cursor, "SELECT @@autocommit, @@character_set_client, DATABASE()")
    with connection.cursor(cursors.DictCursor) as cursor:
        run(cursor, "SELECT id, total FROM orders ORDER BY id LIMIT 2", name="by name")
    with connection.cursor(cursors.SSCursor) as cursor:
        cursor.execute("SELECT id FROM orders ORDER BY id")
        say("unbuffered", sum(1 for _ in cursor))
    connection.ping()


def write(connection):
    with connection.cursor() as cursor:
        run(cursor, "CREATE TEMPORARY TABLE made (id int PRIMARY KEY AUTO_INCREMENT, word varchar(20) UNIQUE, body longblob)")
        run(cursor, "INSERT INTO made (word, body) VALUES (%s, %s)", ("ü€😀\\'\"", b"\x00\xff'\\"))
        say("many", cursor.executemany("INSERT INTO made (word) VALUES (%s)", [("a",), ("b",), (None,)]), cursor.lastrowid)
        run(cursor, "INSERT INTO made (word) VALUES ('a')", name="duplicate")
        run(cursor, "UPDATE made SET word = 'c' WHERE word = 'b'")
        run(cursor, "UPDATE made SET word = 'c' WHERE word = 'c'", name="nothing to change")
        connection.commit()
        run(cursor, "DELETE FROM made WHERE id > 2")
        connection.rollback()
        run(cursor, "SELECT id, word, body FROM made ORDER BY id")
        run(cursor, "SELECT nothing FROM made")
        run(cursor, "SELEC 1")
        run(cursor, "SELECT * FROM nowhere")
        run(cursor, "SELECT CAST('12x' AS signed), 1/0", name="warns")
        run(cursor, "SHOW WARNINGS")
        run(cursor, "INSERT INTO made (body) VALUES (%s)", (b"x" * 3_000_000,), name="large")
        run(cursor, "SELECT length(body), body FROM made WHERE length(body) > 1000", name="large back")
        run(cursor, "CALL two_results(2)")
        say("next result", cursor.nextset(), cursor.fetchall())
        while cursor.nextset():
            pass
        run(cursor, "SELECT twice(21)")
        cursor.callproc("two_results", (1,))
        say("callproc", cursor.fetchall())
        while cursor.nextset():
            pass
    connection.select_db("information_schema")
    connection.select_db(env["LICET_DATABASE"])
    with connection.cursor() as cursor:
        run(cursor, "SELECT DATABASE() = %s", (env["LICET_DATABASE"],), name="use")


with_flags = {"client_flag": 65536} if sys.argv[1] == "pymysql" else {}
connection = connect(**with_flags)
read(connection)
if env["LICET_WORK"] == "everything":
    write(connection)
connection.close()
try:
    connect(password="wrong")
except driver.MySQLError as error:
    say("wrong password", error.args[0])
if env.get("LICET_CA"):
    secured = connect(ssl={"ca": env["LICET_CA"]})
    with secured.cursor() as cursor:
        run(cursor, "SELECT 'over TLS', count(*) FROM orders")
    secured.close()
