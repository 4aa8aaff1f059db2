/* libpq's pipeline mode: Flush without Sync, errors in the middle, single rows, binary parameters, COPY, cancel. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>

static PGconn *connection;

static const int fields[] = {
	PG_DIAG_SEVERITY, PG_DIAG_SEVERITY_NONLOCALIZED, PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL,
	PG_DIAG_MESSAGE_HINT, PG_DIAG_STATEMENT_POSITION, PG_DIAG_INTERNAL_POSITION, PG_DIAG_INTERNAL_QUERY, PG_DIAG_CONTEXT,
	PG_DIAG_SCHEMA_NAME, PG_DIAG_TABLE_NAME, PG_DIAG_COLUMN_NAME, PG_DIAG_DATATYPE_NAME, PG_DIAG_CONSTRAINT_NAME,
};

static void told(const char *name) { printf("== %s\n", name); fflush(stdout); }

static void show(PGresult *result) {
	if (result == NULL) { printf("-\n"); return; }
	printf("%s [%s] rows %d columns %d parameters %d\n", PQresStatus(PQresultStatus(result)), PQcmdStatus(result),
		PQntuples(result), PQnfields(result), PQnparams(result));
	for (int c = 0; c < PQnfields(result); c++)
		printf("  %s table %u.%d type %u size %d modifier %d format %d\n", PQfname(result, c), PQftable(result, c),
			PQftablecol(result, c), PQftype(result, c), PQfsize(result, c), PQfmod(result, c), PQfformat(result, c));
	for (int p = 0; p < PQnparams(result); p++) printf("  $%d %u\n", p + 1, PQparamtype(result, p));
	for (int r = 0; r < PQntuples(result); r++) {
		for (int c = 0; c < PQnfields(result); c++) {
			printf("  ");
			if (PQgetisnull(result, r, c)) { printf("null"); continue; }
			for (int b = 0; b < PQgetlength(result, r, c); b++) printf("%02x", (unsigned char) PQgetvalue(result, r, c)[b]);
		}
		printf("\n");
	}
	if (PQresultStatus(result) == PGRES_FATAL_ERROR)
		for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
			const char *value = PQresultErrorField(result, fields[f]);
			if (value != NULL) printf("  %c %s\n", fields[f], value);
		}
	PQclear(result);
}

/* All that still comes, up to and with this many synchronisations. */
static void drain(int syncs) {
	while (syncs > 0) {
		PGresult *result = PQgetResult(connection);
		if (PQstatus(connection) != CONNECTION_OK) { printf("lost\n"); exit(1); }
		if (result != NULL && PQresultStatus(result) == PGRES_PIPELINE_SYNC) syncs--;
		show(result);
	}
	printf("transaction %d\n", PQtransactionStatus(connection));
}

static void with_int(const char *sql, int value, int format) {
	Oid type = 23;
	int network = htonl(value), length = 4, binary = 1;
	const char *bytes = (const char *) &network;
	PQsendQueryParams(connection, sql, 1, &type, &bytes, &length, &binary, format);
}

static void heard(void *unused, const PGresult *notice) {
	(void) unused;
	printf("notice %s %s\n", PQresultErrorField(notice, PG_DIAG_SQLSTATE), PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY));
}

int main(void) {
	connection = PQconnectdb("");
	if (PQstatus(connection) != CONNECTION_OK) { fprintf(stderr, "%s", PQerrorMessage(connection)); return 1; }
	PQsetNoticeReceiver(connection, heard, NULL);
	told("connection");
	printf("%d %d\n", PQprotocolVersion(connection), PQserverVersion(connection));
	PQenterPipelineMode(connection);

	told("a hundred at once");
	for (int n = 0; n < 100; n++) with_int("SELECT id, name, price FROM compat.items WHERE id = $1", n, n % 2);
	PQpipelineSync(connection);
	drain(1);

	told("an error in the middle");
	with_int("SELECT 1 / $1", 1, 0);
	with_int("SELECT 1 / $1", 0, 0);
	with_int("SELECT 2 / $1", 1, 0);
	PQpipelineSync(connection);
	with_int("SELECT 3 / $1", 1, 0);
	PQpipelineSync(connection);
	drain(2);

	told("flush without sync");
	with_int("SELECT name FROM compat.items WHERE id = $1", 5, 0);
	PQsendFlushRequest(connection);
	PQflush(connection);
	show(PQgetResult(connection));
	show(PQgetResult(connection));
	with_int("SELECT name FROM compat.items WHERE id = $1", 6, 1);
	PQsendFlushRequest(connection);
	PQflush(connection);
	show(PQgetResult(connection));
	show(PQgetResult(connection));
	PQpipelineSync(connection);
	drain(1);

	told("an error, flushed, and what comes after it");
	with_int("SELECT 1 / $1", 0, 0);
	with_int("SELECT 2 / $1", 1, 0);
	PQsendFlushRequest(connection);
	PQflush(connection);
	show(PQgetResult(connection));
	show(PQgetResult(connection));
	PQpipelineSync(connection);
	drain(1);

	told("prepare, describe, execute");
	PQsendPrepare(connection, "one", "SELECT id, made, tags FROM compat.items WHERE id = $1 AND name = $2", 0, NULL);
	PQsendDescribePrepared(connection, "one");
	const char *values[] = {"7", "item 7"};
	PQsendQueryPrepared(connection, "one", 2, values, NULL, NULL, 1);
	PQsendQueryPrepared(connection, "none", 2, values, NULL, NULL, 1);
	PQsendQueryPrepared(connection, "one", 2, values, NULL, NULL, 0);
	PQpipelineSync(connection);
	PQsendQueryPrepared(connection, "one", 2, values, NULL, NULL, 0);
	PQsendDescribePortal(connection, "none");
	PQpipelineSync(connection);
	drain(2);

	told("an implicit transaction is rolled back");
	with_int("INSERT INTO compat.scratch VALUES ($1, 'x')", 77, 0);
	with_int("SELECT 1 / $1", 0, 0);
	PQpipelineSync(connection);
	with_int("SELECT count(*) FROM compat.scratch WHERE id = $1", 77, 0);
	PQpipelineSync(connection);
	drain(2);

	told("a transaction over several synchronisations");
	PQsendQueryParams(connection, "BEGIN", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(connection);
	with_int("INSERT INTO compat.scratch VALUES ($1, 'x') RETURNING id, word", 78, 0);
	PQpipelineSync(connection);
	drain(2);
	with_int("SELECT 1 / $1", 0, 0);
	PQpipelineSync(connection);
	with_int("SELECT $1", 0, 0);
	PQpipelineSync(connection);
	drain(2);
	PQsendQueryParams(connection, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(connection);
	drain(1);

	told("an empty query and a warning");
	PQsendQueryParams(connection, "", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(connection);
	drain(1);

	told("single rows");
	with_int("SELECT id FROM compat.items WHERE id < $1 ORDER BY id", 10, 1);
	PQpipelineSync(connection);
	PQsetSingleRowMode(connection);
	drain(1);

	told("cancelled");
	with_int("SELECT count(*) + $1 FROM generate_series(1, 100000000000)", 1, 0);
	with_int("SELECT 2 / $1", 1, 0);
	PQpipelineSync(connection);
	PQflush(connection);
	usleep(700000);
	char said[256];
	PGcancel *cancel = PQgetCancel(connection);
	printf("asked %d\n", PQcancel(cancel, said, sizeof said));
	PQfreeCancel(cancel);
	drain(1);

	PQexitPipelineMode(connection);
	told("single rows and an error among them");
	PQsendQuery(connection, "SELECT 10 / (5 - id) FROM compat.items WHERE id < 9 ORDER BY id");
	PQsetSingleRowMode(connection);
	for (PGresult *result; (result = PQgetResult(connection)) != NULL;) show(result);

	told("copy");
	show(PQexec(connection, "BEGIN"));
	show(PQexec(connection, "COPY compat.scratch FROM STDIN"));
	for (int n = 1; n <= 100; n++) {
		char line[64];
		int length = snprintf(line, sizeof line, "%d\tword %d\n", n, n);
		/* Cut anywhere: a line is no message. */
		PQputCopyData(connection, line, length / 2);
		PQputCopyData(connection, line + length / 2, length - length / 2);
	}
	PQputCopyEnd(connection, NULL);
	show(PQgetResult(connection));
	show(PQgetResult(connection));
	show(PQexec(connection, "COPY compat.scratch TO STDOUT"));
	char *buffer;
	for (int length; (length = PQgetCopyData(connection, &buffer, 0)) > 0; PQfreemem(buffer)) printf("%d %s", length, buffer);
	show(PQgetResult(connection));
	show(PQgetResult(connection));
	show(PQexec(connection, "ROLLBACK"));
	told("copy given up");
	show(PQexec(connection, "COPY compat.scratch FROM STDIN"));
	PQputCopyData(connection, "1\tone\n", 6);
	PQputCopyEnd(connection, "changed my mind");
	show(PQgetResult(connection));
	show(PQgetResult(connection));
	PQfinish(connection);
	return 0;
}
