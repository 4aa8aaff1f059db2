// lib/pq: parameters with and without binary_parameters, prepared statements, COPY, notices, notifications, cancel, errors.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

func told(name string) { fmt.Println("== " + name) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type querier interface {
	Query(string, ...interface{}) (*sql.Rows, error)
}

func show(db querier, query string, values ...interface{}) {
	rows, err := db.Query(query, values...)
	if err != nil {
		failed(err)
		return
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	must(err)
	for _, column := range types {
		length, ok := column.Length()
		fmt.Println(column.Name(), column.DatabaseTypeName(), length, ok)
	}
	for rows.Next() {
		found := make([]interface{}, len(types))
		into := make([]interface{}, len(types))
		for n := range found {
			into[n] = &found[n]
		}
		must(rows.Scan(into...))
		for _, value := range found {
			if bytes, ok := value.([]byte); ok {
				value = string(bytes)
			}
			if at, ok := value.(time.Time); ok {
				value = at.UTC()
			}
			fmt.Printf("%v|", value)
		}
		fmt.Println()
	}
	if rows.Err() != nil {
		failed(rows.Err())
	}
}

func failed(err error) {
	if said, ok := err.(*pq.Error); ok {
		fmt.Println(said.Severity, said.Code, said.Message, said.Detail, said.Hint, said.Position, said.Where, said.Schema, said.Table, said.Column, said.DataTypeName, said.Constraint)
		return
	}
	fmt.Println(err)
}

func main() {
	for _, binary := range []string{"no", "yes"} {
		db, err := sql.Open("postgres", "binary_parameters="+binary)
		must(err)
		told("rows, binary_parameters=" + binary)
		show(db, "SELECT * FROM compat.items WHERE id <= $1 ORDER BY id", 60)
		told("parameters, binary_parameters=" + binary)
		show(db, "SELECT $1::text, $2::int, $3::bytea, $4::bool, $5::int[], $6::text", "ü€😀", 7, []byte{0, 1}, true, pq.Array([]int{1, 2}), nil)
		told("a prepared statement, binary_parameters=" + binary)
		statement, err := db.Prepare("SELECT name FROM compat.items WHERE id = $1")
		must(err)
		for n := 0; n < 20; n++ {
			var name sql.NullString
			err := statement.QueryRow(n).Scan(&name)
			fmt.Println(name.String, err)
		}
		must(statement.Close())
		for _, each := range []string{"SELECT 1 / 0", "SELECT 'x'::int", "INSERT INTO compat.items (id, name) VALUES (1, 'again')", "UPDATE compat.items SET price = -1 WHERE id = 1"} {
			told(each + ", binary_parameters=" + binary)
			show(db, each)
		}
		told("any: undefined table, binary_parameters=" + binary)
		show(db, "SELECT * FROM compat.nothing")
		told("rows affected, binary_parameters=" + binary)
		tx, err := db.Begin()
		must(err)
		result, err := tx.Exec("INSERT INTO compat.scratch SELECT n, 'x' FROM generate_series(1, $1) n", 10)
		must(err)
		count, _ := result.RowsAffected()
		fmt.Println(count)
		told("an aborted transaction, binary_parameters=" + binary)
		show(tx, "SELECT 1 / 0")
		show(tx, "SELECT 1")
		fmt.Println(tx.Commit())
		told("copy, binary_parameters=" + binary)
		tx, err = db.Begin()
		must(err)
		copied, err := tx.Prepare(pq.CopyInSchema("compat", "scratch", "id", "word"))
		must(err)
		for n := 0; n < 3000; n++ {
			_, err = copied.Exec(n, fmt.Sprintf("word %d", n))
			must(err)
		}
		_, err = copied.Exec()
		must(err)
		must(copied.Close())
		show(tx, "SELECT count(*), sum(id) FROM compat.scratch")
		must(tx.Rollback())
		told("several results, binary_parameters=" + binary)
		rows, err := db.Query("SELECT 1; SELECT 2, 3")
		must(err)
		for again := true; again; again = rows.NextResultSet() {
			columns, _ := rows.Columns()
			for rows.Next() {
			}
			fmt.Println(columns, rows.Err())
		}
		rows.Close()
		told("cancel, binary_parameters=" + binary)
		ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
		_, err = db.ExecContext(ctx, "SELECT count(*) FROM generate_series(1, 100000000000)")
		failed(err)
		cancel()
		show(db, "SELECT 'after'")
		db.Close()
	}
	told("any: notifications")
	listener := pq.NewListener("", time.Second, time.Second, nil)
	must(listener.Listen("told"))
	db, _ := sql.Open("postgres", "")
	_, err := db.Exec("NOTIFY told, 'payload'")
	must(err)
	select {
	case note := <-listener.Notify:
		fmt.Println(note.Channel, note.Extra)
	case <-time.After(3 * time.Second):
		fmt.Println("nothing")
	}
	listener.Close()
}
