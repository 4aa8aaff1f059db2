// MariaDB Connector/J: text and server-side prepared statements, metadata, batches, generated keys, streaming, transactions.
import java.sql.*;
import java.util.*;

public class Shop {
	static void say(String name, Object... values) {
		System.out.println(name + ": " + Arrays.deepToString(values));
	}

	static String hex(byte[] bytes) {
		StringBuilder text = new StringBuilder("x");
		for (byte each : bytes) text.append(String.format("%02x", each));
		return text.toString();
	}

	static void show(String name, ResultSet rows) throws SQLException {
		ResultSetMetaData meta = rows.getMetaData();
		for (int n = 1; n <= meta.getColumnCount(); n++)
			say(name, meta.getColumnLabel(n), meta.getColumnName(n), meta.getTableName(n), meta.getColumnTypeName(n), meta.getColumnType(n),
				meta.getPrecision(n), meta.getScale(n), meta.isNullable(n), meta.isAutoIncrement(n), meta.isSigned(n));
		while (rows.next()) {
			List<String> cells = new ArrayList<>();
			for (int n = 1; n <= meta.getColumnCount(); n++) {
				Object value = rows.getObject(n);
				cells.add(value instanceof byte[] ? hex((byte[]) value) : String.valueOf(value));
			}
			say(name, cells.toString());
		}
	}

	interface Work { void run() throws SQLException; }

	static void attempt(String name, Work work) {
		try {
			work.run();
		} catch (SQLException error) {
			say(name, error.getErrorCode(), error.getSQLState(), error.getMessage().replaceAll("conn[=:]\\d+", "conn"));
		}
	}

	static Connection open(String more) throws SQLException {
		Map<String, String> env = System.getenv();
		return DriverManager.getConnection("jdbc:mariadb://" + env.get("LICET_HOST") + ":" + env.get("LICET_PORT") + "/" + env.get("LICET_DATABASE")
			+ "?" + more, env.get("LICET_USER"), env.get("LICET_PASSWORD"));
	}

	static void read(String name, Connection db) throws SQLException {
		Statement statement = db.createStatement();
		attempt(name, () -> show(name, statement.executeQuery("SELECT * FROM customers ORDER BY id LIMIT 12")));
		attempt(name, () -> show(name, statement.executeQuery("SELECT * FROM order_totals ORDER BY customer_id LIMIT 3")));
		attempt(name, () -> {
			PreparedStatement prepared = db.prepareStatement("SELECT id, status, total FROM orders WHERE customer_id = ? AND status <> ? ORDER BY id");
			for (int n = 3; n < 6; n++) {
				prepared.setInt(1, n);
				prepared.setString(2, "it's ü€😀");
				show(name, prepared.executeQuery());
			}
			prepared.close();
		});
		attempt(name, () -> {
			statement.setFetchSize(50);
			ResultSet rows = statement.executeQuery("SELECT id FROM orders ORDER BY id");
			int n = 0;
			while (rows.next()) n++;
			say(name + " streamed", n);
			statement.setFetchSize(0);
		});
		DatabaseMetaData meta = db.getMetaData();
		say(name, meta.getDatabaseProductName(), meta.getDatabaseProductVersion());
		attempt(name, () -> show(name + " tables", meta.getTables(db.getCatalog(), null, "%", new String[] { "TABLE", "VIEW" })));
		attempt(name, () -> show(name + " columns", meta.getColumns(db.getCatalog(), null, "orders", "%")));
		attempt(name, () -> show(name + " keys", meta.getPrimaryKeys(db.getCatalog(), null, "orders")));
		attempt(name, () -> show(name + " indexes", meta.getIndexInfo(db.getCatalog(), null, "orders", false, false)));
		say(name, db.isValid(2), db.getTransactionIsolation(), db.getAutoCommit(), db.isReadOnly());
	}

	static void write(String name, Connection db) throws SQLException {
		Statement statement = db.createStatement();
		statement.execute("CREATE TEMPORARY TABLE made (id int PRIMARY KEY AUTO_INCREMENT, word varchar(20) UNIQUE, body longblob, n decimal(8,3), at datetime(6))");
		PreparedStatement insert = db.prepareStatement("INSERT INTO made (word, body, n, at) VALUES (?, ?, ?, ?)", Statement.RETURN_GENERATED_KEYS);
		for (int n = 0; n < 5; n++) {
			insert.setString(1, "ü€😀'" + n);
			insert.setBytes(2, new byte[] { 0, (byte) 255, 39, 92 });
			insert.setBigDecimal(3, new java.math.BigDecimal("1.125"));
			insert.setTimestamp(4, Timestamp.valueOf("2024-02-29 12:34:56.789012"));
			insert.addBatch();
		}
		say(name + " batch", insert.executeBatch());
		show(name + " generated", insert.getGeneratedKeys());
		attempt(name + " duplicate", () -> statement.executeUpdate("INSERT INTO made (word) VALUES ('ü€😀''1')"));
		attempt(name + " syntax", () -> statement.executeQuery("SELEC 1"));
		attempt(name + " unknown", () -> statement.executeQuery("SELECT nothing FROM made"));
		say(name, statement.executeUpdate("UPDATE made SET n = n + 1 WHERE id > 2"), statement.executeLargeUpdate("DELETE FROM made WHERE id = 5"));
		db.setAutoCommit(false);
		statement.executeUpdate("DELETE FROM made");
		Savepoint point = db.setSavepoint("here");
		statement.executeUpdate("INSERT INTO made (word) VALUES ('gone')");
		db.rollback(point);
		db.rollback();
		db.setAutoCommit(true);
		show(name, statement.executeQuery("SELECT * FROM made ORDER BY id"));
		statement.executeQuery("SELECT CAST('12x' AS signed)");
		SQLWarning warning = statement.getWarnings();
		say(name + " warning", warning == null ? "none" : warning.getErrorCode() + " " + warning.getMessage());
		CallableStatement call = db.prepareCall("{call two_results(?)}");
		call.setInt(1, 2);
		boolean more = call.execute();
		while (more) {
			show(name + " call", call.getResultSet());
			more = call.getMoreResults();
		}
		attempt(name + " inout", () -> {
			CallableStatement plus = db.prepareCall("{call plus_one(?)}");
			plus.setInt(1, 41);
			plus.registerOutParameter(1, Types.INTEGER);
			plus.execute();
			say(name + " inout", plus.getInt(1));
		});
		attempt(name + " function", () -> {
			CallableStatement twice = db.prepareCall("{? = call twice(?)}");
			twice.registerOutParameter(1, Types.INTEGER);
			twice.setInt(2, 21);
			twice.execute();
			say(name + " function", twice.getInt(1));
		});
		attempt(name + " timeout", () -> {
			statement.setQueryTimeout(1);
			statement.executeQuery("SELECT SLEEP(20)");
		});
	}

	public static void main(String[] words) throws Exception {
		for (String[] kind : new String[][] { { "text", "" }, { "prepared", "useServerPrepStmts=true" }, { "bulk", "useServerPrepStmts=true&useBulkStmts=true" },
				{ "rewritten", "rewriteBatchedStatements=true&allowMultiQueries=true" }, { "TLS", "useSsl=true&trustServerCertificate=true" } }) {
			Connection db = open(kind[1]);
			read(kind[0], db);
			if ("everything".equals(System.getenv("LICET_WORK"))) write(kind[0], db);
			db.close();
		}
		try {
			DriverManager.getConnection("jdbc:mariadb://" + System.getenv("LICET_HOST") + ":" + System.getenv("LICET_PORT") + "/", System.getenv("LICET_USER"), "wrong");
		} catch (SQLException error) {
			// MySQL's plugin wants a key that this client does not ask for; what refuses differs with it.
			say("wrong password", "refused");
		}
	}
}
