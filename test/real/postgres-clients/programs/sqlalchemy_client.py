"""SQLAlchemy over psycopg2: reflection, ORM, transactions with savepoints, streaming, bulk insert, errors."""

import sqlalchemy as sa
from sqlalchemy.orm import Session, declarative_base

engine = sa.create_engine("postgresql+psycopg2://")
Base = declarative_base()


def case(name):
    print(f"== {name}", flush=True)


class Word(Base):
    __tablename__ = "scratch"
    __table_args__ = {"schema": "compat"}
    id = sa.Column(sa.Integer, primary_key=True)
    word = sa.Column(sa.Text)


case("dialect")
with engine.connect() as connection:
    print(engine.dialect.server_version_info, engine.dialect.default_schema_name)
    print(connection.get_isolation_level())
inspector = sa.inspect(engine)
case("reflection: names")
print(sorted(inspector.get_table_names("compat")), sorted(inspector.get_view_names("compat")))
print([name for name in inspector.get_schema_names() if name == "compat"])
for table in ("items", "scratch"):
    case(f"reflection: {table}")
    for column in inspector.get_columns(table, "compat"):
        print(column["name"], repr(column["type"]), column["nullable"], column["default"])
    print(inspector.get_pk_constraint(table, "compat"), inspector.get_foreign_keys(table, "compat"))
    print(inspector.get_indexes(table, "compat"), inspector.get_check_constraints(table, "compat"))
    print(inspector.get_unique_constraints(table, "compat"), inspector.get_table_comment(table, "compat"))
case("reflection: a table")
items = sa.Table("items", sa.MetaData(), schema="compat", autoload_with=engine)
print([(column.name, repr(column.type)) for column in items.columns])
case("reflection: enums")
print(inspector.get_enums("compat"))
case("a query of the core")
with engine.connect() as connection:
    for row in connection.execute(sa.select(items).where(items.c.id < 20).order_by(items.c.id)):
        print([bytes(value) if isinstance(value, memoryview) else value for value in row])
    case("streamed")
    streamed = connection.execution_options(stream_results=True, max_row_buffer=50)
    print(sum(row.id for row in streamed.execute(sa.select(items.c.id))))
case("the orm")
with Session(engine) as session:
    session.add_all([Word(id=n, word=f"word {n}") for n in range(300)])
    session.flush()
    print(session.query(Word).filter(Word.word.like("word 1%")).count())
    word = session.get(Word, 7)
    word.word = "seven"
    session.flush()
    print(session.execute(sa.select(Word.word).where(Word.id == 7)).scalar_one())
    session.delete(word)
    session.flush()
    print(session.query(Word).count())
    case("savepoints")
    try:
        with session.begin_nested():
            session.execute(sa.insert(Word).values(id=1, word="again"))
    except sa.exc.IntegrityError as error:
        print(error.orig.pgcode, error.orig.diag.message_primary, error.orig.diag.message_detail)
    print(session.query(Word).count())
    session.rollback()
case("an error")
with engine.connect() as connection:
    try:
        connection.execute(sa.text("SELECT 1 / :zero"), {"zero": 0})
    except sa.exc.DataError as error:
        print(error.orig.pgcode, error.orig)
case("the pool")
for n in range(10):
    with engine.connect() as connection:
        print(connection.execute(sa.text("SELECT :n + 1"), {"n": n}).scalar())
