// pgJDBC: prepareThreshold, defaultRowFetchSize, binaryTransfer, batches, metadata, COPY, savepoints, cancel, large objects.
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class Pgjdbc {
	interface Work { void run() throws Exception; }

	static void told(String name) { System.out.println("== " + name); }

	static Connection open(String... options) throws SQLException {
		String env = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
		Properties given = new Properties();
		given.setProperty("user", System.getenv("PGUSER"));
		given.setProperty("password", System.getenv("PGPASSWORD"));
		given.setProperty("sslmode", System.getenv("PGSSLMODE"));
		for (String option : options) given.setProperty(option.split("=")[0], option.split("=")[1]);
		return DriverManager.getConnection(env, given);
	}

	static void show(ResultSet rows) throws SQLException {
		ResultSetMetaData meta = rows.getMetaData();
		for (int c = 1; c <= meta.getColumnCount(); c++)
			System.out.println(meta.getColumnName(c) + " " + meta.getColumnTypeName(c) + " " + meta.getTableName(c) + " " + meta.getPrecision(c) + " " + meta.getScale(c) + " " + meta.isNullable(c));
		showValues(rows);
	}

	/* What a license with bounds shows of comments is no column of pg_description any more: where columns come from is a case of its own. */
	static void showTables(ResultSet rows) throws SQLException {
		ResultSetMetaData meta = rows.getMetaData();
		for (int c = 1; c <= meta.getColumnCount(); c++)
			System.out.println(meta.getColumnName(c) + " " + meta.getColumnTypeName(c) + " " + meta.getPrecision(c) + " " + meta.getScale(c));
		showValues(rows);
		told("any: metadata: where the columns of tables come from");
		for (int c = 1; c <= meta.getColumnCount(); c++) System.out.println(meta.getColumnName(c) + " " + meta.getTableName(c) + " " + meta.isNullable(c));
	}

	static void showValues(ResultSet rows) throws SQLException {
		ResultSetMetaData meta = rows.getMetaData();
		while (rows.next()) {
			StringJoiner line = new StringJoiner("|");
			for (int c = 1; c <= meta.getColumnCount(); c++) line.add(rows.getString(c));
			System.out.println(line);
		}
	}

	static void failing(String name, Connection connection, Work work) throws Exception {
		told(name);
		try {
			work.run();
			System.out.println("no error");
		} catch (PSQLException error) {
			ServerErrorMessage said = error.getServerErrorMessage();
			System.out.println(error.getSQLState());
			if (said != null)
				System.out.println(String.join("|", Arrays.asList("" + said.getSeverity(), "" + said.getSQLState(), "" + said.getMessage(), "" + said.getDetail(), "" + said.getHint(), "" + said.getPosition(), "" + said.getWhere(), "" + said.getSchema(), "" + said.getTable(), "" + said.getColumn(), "" + said.getDatatype(), "" + said.getConstraint())));
			for (SQLException next = error.getNextException(); next != null; next = next.getNextException())
				System.out.println(next.getSQLState() + " " + next.getMessage());
		}
		if (!connection.getAutoCommit()) connection.rollback();
	}

	static void statements(String kind, String... options) throws Exception {
		try (Connection connection = open(options)) {
			told("rows, " + kind);
			try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM compat.items WHERE id <= ? ORDER BY id")) {
				for (int limit : new int[] {0, 1, 2, 3, 4, 5, 6, 120}) {
					statement.setInt(1, limit);
					try (ResultSet rows = statement.executeQuery()) { show(rows); }
				}
				show2(statement.getParameterMetaData());
			}
			told("a cursor by fetch size, " + kind);
			connection.setAutoCommit(false);
			try (PreparedStatement statement = connection.prepareStatement("SELECT id, name FROM compat.items ORDER BY id")) {
				try (ResultSet rows = statement.executeQuery()) { show(rows); }
				statement.setFetchSize(7);
				statement.setMaxRows(30);
				try (ResultSet rows = statement.executeQuery()) { show(rows); }
			}
			connection.commit();
			told("a batch, " + kind);
			try (PreparedStatement statement = connection.prepareStatement("INSERT INTO compat.scratch VALUES (?, ?)")) {
				for (int n = 0; n < 700; n++) { statement.setInt(1, n); statement.setString(2, "word " + n); statement.addBatch(); }
				int sum = 0;
				for (int count : statement.executeBatch()) sum += count;
				System.out.println(sum);
			}
			connection.rollback();
			failing("a batch that fails, " + kind, connection, () -> {
				try (PreparedStatement statement = connection.prepareStatement("INSERT INTO compat.scratch VALUES (?, ?)")) {
					for (int n : new int[] {1, 2, 1, 3}) { statement.setInt(1, n); statement.setString(2, "w"); statement.addBatch(); }
					try { statement.executeBatch(); } catch (BatchUpdateException error) {
						System.out.println(Arrays.toString(error.getUpdateCounts()) + " " + error.getNextException().getSQLState());
					}
				}
			});
			told("generated keys, " + kind);
			try (PreparedStatement statement = connection.prepareStatement("INSERT INTO compat.scratch VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
				statement.setInt(1, 5); statement.setString(2, "five"); statement.executeUpdate();
				show(statement.getGeneratedKeys());
			}
			connection.rollback();
			failing("division by zero, " + kind, connection, () -> {
				try (PreparedStatement statement = connection.prepareStatement("SELECT 1 / ?")) { statement.setInt(1, 0); statement.executeQuery(); }
			});
			failing("unique violation, " + kind, connection, () -> connection.createStatement().executeUpdate("INSERT INTO compat.items (id, name) VALUES (1, 'again')"));
			failing("not a number, " + kind, connection, () -> connection.createStatement().executeQuery("SELECT 'x'::int"));
			failing("any: undefined table, " + kind, connection, () -> connection.createStatement().executeQuery("SELECT * FROM compat.nothing"));
			told("savepoints, " + kind);
			Savepoint savepoint = connection.setSavepoint("one");
			try { connection.createStatement().execute("SELECT 1 / 0"); } catch (SQLException error) { System.out.println(error.getSQLState()); }
			connection.rollback(savepoint);
			show(connection.createStatement().executeQuery("SELECT 'still'"));
			connection.commit();
		}
	}

	static void largeObjects(Connection connection) throws Exception {
		var objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
		long oid = objects.createLO();
		try (var object = objects.open(oid)) {
			object.write("word ".repeat(5000).getBytes());
			object.seek(5);
			System.out.println(new String(object.read(7)) + " " + object.tell() + " " + object.size());
			object.truncate(9);
			System.out.println(object.size());
		}
		objects.delete(oid);
	}

	static void show2(ParameterMetaData meta) throws SQLException {
		for (int p = 1; p <= meta.getParameterCount(); p++) System.out.println(p + " " + meta.getParameterTypeName(p));
	}

	public static void main(String[] words) throws Exception {
		statements("plain");
		statements("prepareThreshold=1", "prepareThreshold=1", "binaryTransfer=true");
		statements("prepareThreshold=0", "prepareThreshold=0");
		statements("binaryTransfer=false", "binaryTransfer=false", "prepareThreshold=2");
		statements("defaultRowFetchSize=10", "defaultRowFetchSize=10");
		statements("preferQueryMode=simple", "preferQueryMode=simple");
		statements("preferQueryMode=extendedCacheEverything", "preferQueryMode=extendedCacheEverything");
		statements("autosave=always", "autosave=always");
		statements("reWriteBatchedInserts=true", "reWriteBatchedInserts=true");
		try (Connection connection = open()) {
			DatabaseMetaData meta = connection.getMetaData();
			told("metadata: server");
			System.out.println(meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion() + " " + meta.getMaxColumnNameLength());
			told("metadata: tables");
			showTables(meta.getTables(null, "compat", "%", new String[] {"TABLE", "VIEW"}));
			told("metadata: columns");
			show(meta.getColumns(null, "compat", "items", "%"));
			told("metadata: keys");
			show(meta.getPrimaryKeys(null, "compat", "items"));
			show(meta.getImportedKeys(null, "compat", "items"));
			told("metadata: indexes");
			show(meta.getIndexInfo(null, "compat", "items", false, true));
			told("metadata: types");
			show(meta.getUDTs(null, "compat", "%", null));
			told("metadata: privileges");
			show(meta.getTablePrivileges(null, "compat", "items"));
			told("warnings");
			try (Statement statement = connection.createStatement()) {
				statement.execute("CREATE TABLE IF NOT EXISTS compat.scratch (id int)");
				for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning())
					System.out.println(warning.getSQLState() + " " + warning.getMessage());
			}
			told("several results");
			try (Statement statement = connection.createStatement()) {
				boolean rows = statement.execute("SELECT 1; SELECT 2, 'two'; SELECT 3");
				while (rows) { show(statement.getResultSet()); rows = statement.getMoreResults(); }
			}
			told("any: large objects");
			connection.setAutoCommit(false);
			try {
				largeObjects(connection);
			} catch (SQLException error) {
				System.out.println(error.getSQLState());
			}
			connection.rollback();
			told("copy");
			connection.setAutoCommit(false);
			var copies = connection.unwrap(PGConnection.class).getCopyAPI();
			StringBuilder lines = new StringBuilder();
			for (int n = 0; n < 2000; n++) lines.append(n).append("\tword ").append(n).append("\n");
			System.out.println(copies.copyIn("COPY compat.scratch FROM STDIN", new StringReader(lines.toString())));
			StringWriter out = new StringWriter();
			System.out.println(copies.copyOut("COPY compat.scratch TO STDOUT", out));
			System.out.println(out);
			connection.rollback();
			failing("copy that fails", connection, () -> copies.copyIn("COPY compat.scratch FROM STDIN", new StringReader("x\ty\n")));
			told("cancel");
			connection.setAutoCommit(true);
			try (Statement statement = connection.createStatement()) {
				new Thread(() -> { try { Thread.sleep(700); statement.cancel(); } catch (Exception error) { System.out.println(error); } }).start();
				statement.executeQuery("SELECT count(*) FROM generate_series(1, 100000000000)");
			} catch (SQLException error) { System.out.println(error.getSQLState() + " " + error.getMessage()); }
			told("a query timeout");
			try (Statement statement = connection.createStatement()) {
				statement.setQueryTimeout(1);
				statement.executeQuery("SELECT count(*) FROM generate_series(1, 100000000000)");
			} catch (SQLException error) { System.out.println(error.getSQLState() + " " + error.getMessage()); }
			told("read only, isolation, isValid");
			connection.setReadOnly(true);
			connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
			System.out.println(connection.isValid(2) + " " + connection.getTransactionIsolation());
			connection.setReadOnly(false);
			told("any: notifications");
			connection.createStatement().execute("LISTEN told");
			connection.createStatement().execute("NOTIFY told, 'payload'");
			PGNotification[] notes = connection.unwrap(PGConnection.class).getNotifications(2000);
			for (PGNotification note : notes) System.out.println(note.getName() + " " + note.getParameter());
		}
	}
}
