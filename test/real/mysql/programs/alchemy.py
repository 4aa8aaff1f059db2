"""SQLAlchemy over PyMySQL and mysqlclient: reflection, the ORM, a pool, a transaction with savepoints."""
import os, sys, warnings
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, func, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, declarative_base

warnings.simplefilter("ignore")
env = os.environ


def work(driver):
    url = URL.create("mysql+" + driver, env["LICET_USER"], env["LICET_PASSWORD"], env["LICET_HOST"], int(env["LICET_PORT"]),
                     env["LICET_DATABASE"], {"charset": "utf8mb4"})
    engine = create_engine(url, pool_size=3, pool_pre_ping=True)
    say = lambda name, *values: print(driver, name + ":", *map(repr, values), flush=True)
    seen = inspect(engine)
    say("tables", sorted(seen.get_table_names()), sorted(seen.get_view_names()))
    for table in ["customers", "orders"]:
        say("columns of " + table, [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in seen.get_columns(table)])
        say("keys of " + table, seen.get_pk_constraint(table), seen.get_indexes(table), seen.get_foreign_keys(table))
    shop = MetaData()
    orders = Table("orders", shop, autoload_with=engine)
    customers = Table("customers", shop, autoload_with=engine)
    with engine.connect() as connection:
        joined = select(orders.c.id, customers.c.name).join(customers, customers.c.id == orders.c.customer_id)
        say("join", connection.execute(joined.order_by(orders.c.id).limit(5)).all())
        totals = select(orders.c.status, func.count(), func.sum(orders.c.total)).group_by(orders.c.status)
        say("totals", connection.execute(totals.order_by(orders.c.status)).all())
        say("in", connection.execute(select(orders.c.id).where(orders.c.id.in_([3, 5, 8])).order_by(orders.c.id)).all())
        say("text", connection.execute(text("SELECT total FROM orders WHERE id = :id"), {"id": 4}).scalar())
        say("streamed", sum(1 for _ in connection.execution_options(stream_results=True).execute(select(orders.c.id))))
    for _ in range(5):
        with engine.connect() as connection:
            connection.execute(select(func.count()).select_from(orders)).scalar()
    if env["LICET_WORK"] != "everything":
        return engine.dispose()
    Base = declarative_base()

    class Note(Base):
        __tablename__ = "notes"
        id = Column(Integer, primary_key=True)
        word = Column(String(40), unique=True)

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Note(word="one"), Note(word="two ü€😀")])
        session.commit()
        session.query(Note).filter_by(word="one").update({"word": "first"})
        try:
            with session.begin_nested():
                session.add(Note(word="first"))
                session.flush()
        except SQLAlchemyError as error:
            say("savepoint", type(error).__name__, error.orig.args)
        session.commit()
        say("notes", [(note.id, note.word) for note in session.query(Note).order_by(Note.id)])
    Base.metadata.drop_all(engine)
    engine.dispose()


work("pymysql")
work("mysqldb")
