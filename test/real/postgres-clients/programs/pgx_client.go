// pgx: binary results, batches, statement cache modes, COPY in binary, cancel by context, errors, pgconn below.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var ctx = context.Background()

func told(name string) { fmt.Println("== " + name) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func failed(err error) {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		fmt.Println(said.Severity, said.Code, said.Message, said.Detail, said.Hint, said.Position, said.Where, said.SchemaName, said.TableName, said.ColumnName, said.DataTypeName, said.ConstraintName)
		return
	}
	fmt.Println(err)
}

func show(rows pgx.Rows, err error) {
	if err != nil {
		failed(err)
		return
	}
	defer rows.Close()
	for _, field := range rows.FieldDescriptions() {
		fmt.Println(string(field.Name), field.TableOID, field.TableAttributeNumber, field.DataTypeOID, field.DataTypeSize, field.TypeModifier, field.Format)
	}
	for rows.Next() {
		for _, value := range rows.RawValues() {
			fmt.Printf("%x|", value)
		}
		fmt.Println()
	}
	if rows.Err() != nil {
		failed(rows.Err())
		return
	}
	fmt.Println(string(rows.CommandTag()))
}

func main() {
	for _, mode := range []string{"statement_cache_mode=prepare", "statement_cache_mode=describe", "statement_cache_capacity=0", "simple"} {
		config, err := pgx.ParseConfig(strings.Replace(mode, "simple", "", 1))
		must(err)
		config.PreferSimpleProtocol = mode == "simple"
		db, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		told("rows, " + mode)
		for n := 0; n < 4; n++ {
			show(db.Query(ctx, "SELECT * FROM compat.items WHERE id <= $1 ORDER BY id", 20*n))
		}
		told("parameters, " + mode)
		show(db.Query(ctx, "SELECT $1::text, $2::int, $3::bool, $4::timestamptz, $5::text", "ü€😀", 7, true, time.Unix(0, 0), nil))
		for _, each := range []string{"SELECT 1 / 0", "SELECT 'x'::int", "INSERT INTO compat.items (id, name) VALUES (1, 'again')"} {
			told(each + ", " + mode)
			show(db.Query(ctx, each))
		}
		told("a batch, " + mode)
		batch := &pgx.Batch{}
		for n := 0; n < 50; n++ {
			batch.Queue("SELECT name FROM compat.items WHERE id = $1", n)
		}
		batch.Queue("SELECT 1 / $1::int", 0)
		batch.Queue("SELECT 3")
		results := db.SendBatch(ctx, batch)
		for n := 0; n < 52; n++ {
			show(results.Query())
		}
		fmt.Println(results.Close())
		told("a transaction in a transaction, " + mode)
		tx, err := db.Begin(ctx)
		must(err)
		inner, err := tx.Begin(ctx)
		must(err)
		_, err = inner.Exec(ctx, "SELECT 1 / 0")
		failed(err)
		must(inner.Rollback(ctx))
		show(tx.Query(ctx, "SELECT 'still'"))
		told("copy, " + mode)
		rows := make([][]interface{}, 3000)
		for n := range rows {
			rows[n] = []interface{}{int32(n), fmt.Sprintf("word %d", n)}
		}
		count, err := tx.CopyFrom(ctx, pgx.Identifier{"compat", "scratch"}, []string{"id", "word"}, pgx.CopyFromRows(rows))
		fmt.Println(count, err)
		var out strings.Builder
		tag, err := tx.Conn().PgConn().CopyTo(ctx, &out, "COPY compat.scratch TO STDOUT")
		fmt.Println(string(tag), err, out.String())
		must(tx.Rollback(ctx))
		told("several results of pgconn, " + mode)
		found, err := db.PgConn().Exec(ctx, "SELECT 1; SELECT 2; SELECT 1/0; SELECT 4").ReadAll()
		for _, each := range found {
			fmt.Println(string(each.CommandTag), each.Rows)
		}
		failed(err)
		told("any: notifications, " + mode)
		_, err = db.Exec(ctx, "LISTEN told")
		must(err)
		_, err = db.Exec(ctx, "NOTIFY told, 'payload'")
		must(err)
		soon, cancel := context.WithTimeout(ctx, 3*time.Second)
		note, err := db.WaitForNotification(soon)
		cancel()
		must(err)
		fmt.Println(note.Channel, note.Payload)
		told("cancel request, " + mode)
		go func() {
			time.Sleep(700 * time.Millisecond)
			db.PgConn().CancelRequest(ctx)
		}()
		_, err = db.Exec(ctx, "SELECT count(*) FROM generate_series(1, 100000000000)")
		failed(err)
		show(db.Query(ctx, "SELECT 'after'"))
		db.Close(ctx)
	}
}
