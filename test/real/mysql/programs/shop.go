// go-sql-driver/mysql: prepared and interpolated, pools, transactions, errors, TLS, contexts.
package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

func say(name string, values ...interface{}) {
	fmt.Printf("%s: %q\n", name, fmt.Sprint(values...))
}

func open(more string) *sql.DB {
	env := os.Getenv
	address := fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?charset=utf8mb4&%s", env("LICET_USER"), env("LICET_PASSWORD"), env("LICET_HOST"),
		env("LICET_PORT"), env("LICET_DATABASE"), more)
	db, err := sql.Open("mysql", address)
	if err != nil {
		panic(err)
	}
	return db
}

func failure(err error) string {
	if told, is := err.(*mysql.MySQLError); is {
		return fmt.Sprintf("%d %s", told.Number, told.Message)
	}
	return fmt.Sprint(err)
}

func query(db *sql.DB, name, text string, values ...interface{}) {
	rows, err := db.Query(text, values...)
	if err != nil {
		say(name+" "+text, failure(err))
		return
	}
	defer rows.Close()
	for {
		types, _ := rows.ColumnTypes()
		for _, kind := range types {
			length, hasLength := kind.Length()
			precision, scale, hasScale := kind.DecimalSize()
			nullable, _ := kind.Nullable()
			say(name, kind.Name(), kind.DatabaseTypeName(), length, hasLength, precision, scale, hasScale, nullable)
		}
		for rows.Next() {
			cells := make([]sql.NullString, len(types))
			into := make([]interface{}, len(types))
			for n := range cells {
				into[n] = &cells[n]
			}
			if err := rows.Scan(into...); err != nil {
				say(name, failure(err))
			}
			say(name, cells)
		}
		if !rows.NextResultSet() {
			break
		}
	}
	say(name+" "+text, rows.Err())
}

func exec(db *sql.DB, name, text string, values ...interface{}) {
	result, err := db.Exec(text, values...)
	if err != nil {
		say(name+" "+text, failure(err))
		return
	}
	id, _ := result.LastInsertId()
	count, _ := result.RowsAffected()
	say(name+" "+text, id, count)
}

func work(name, more string) {
	db := open(more)
	defer db.Close()
	db.SetMaxOpenConns(1)
	query(db, name, "SELECT * FROM customers ORDER BY id LIMIT 20")
	query(db, name, "SELECT id, status, total, ordered_at FROM orders WHERE customer_id = ? AND status <> ? ORDER BY id", 5, "it's")
	query(db, name, "SELECT ?, ?, ?, ?", int64(-5), 2.5, "ü€😀'", nil)
	query(db, name, "SELECT * FROM order_totals ORDER BY customer_id LIMIT 3")
	if os.Getenv("LICET_WORK") != "everything" {
		return
	}
	exec(db, name, "CREATE TEMPORARY TABLE made (id int PRIMARY KEY AUTO_INCREMENT, word varchar(20) UNIQUE, body longblob, at datetime(6))")
	exec(db, name, "INSERT INTO made (word, body, at) VALUES (?, ?, ?)", "ü€😀", []byte{0, 255, 39, 92}, time.Unix(1700000000, 123456000).UTC())
	exec(db, name, "INSERT INTO made (word) VALUES (?)", "ü€😀")
	exec(db, name, "INSERT INTO made (body) VALUES (?)", []byte(strings.Repeat("x", 2000000)))
	exec(db, name, "UPDATE made SET word = ? WHERE id = ?", "y", 1)
	query(db, name, "SELECT id, word, length(body), hex(left(body, 4)), at FROM made ORDER BY id")
	tx, _ := db.Begin()
	tx.Exec("DELETE FROM made")
	say(name, tx.Rollback())
	query(db, name, "SELECT count(*) FROM made")
	query(db, name, "SELECT nothing FROM made")
	query(db, name, "SELEC 1")
	statement, err := db.Prepare("SELECT id, total FROM orders WHERE id = ?")
	if err != nil {
		say(name, failure(err))
		return
	}
	for n := 1; n < 200; n++ {
		var id int
		var total string
		if err := statement.QueryRow(n).Scan(&id, &total); err != nil || id != n {
			say(name, "prepared", n, id, failure(err))
		}
	}
	statement.Close()
	query(db, name, "SELECT repeat('z', 17000000) = repeat('z', 17000000), length(repeat('z', 17000000))")
}

func main() {
	work("prepared", "")
	work("interpolated", "interpolateParams=true&multiStatements=true&parseTime=true")
	mysql.RegisterTLSConfig("any", &tls.Config{InsecureSkipVerify: true})
	secured := open("tls=any")
	query(secured, "TLS", "SELECT count(*) FROM orders WHERE id < ?", 100)
	secured.Close()
	if os.Getenv("LICET_WORK") == "everything" {
		several := open("multiStatements=true")
		query(several, "several", "SELECT 1 AS a; SELECT id FROM orders WHERE id < 3 ORDER BY id; CALL two_results(1)")
		several.Close()
	}
	pool := open("")
	pool.SetMaxOpenConns(6)
	var wait sync.WaitGroup
	counts := make([]int, 60)
	for n := range counts {
		wait.Add(1)
		go func(n int) {
			defer wait.Done()
			pool.QueryRow("SELECT count(*) FROM orders WHERE customer_id = ?", n%40+1).Scan(&counts[n])
		}(n)
	}
	wait.Wait()
	say("pool", counts)
	deadline, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
	defer cancel()
	if os.Getenv("LICET_WORK") == "everything" {
		_, err := pool.ExecContext(deadline, "SELECT SLEEP(20)")
		say("deadline", failure(err))
	}
	wrong, _ := sql.Open("mysql", fmt.Sprintf("%s:wrong@tcp(%s:%s)/", os.Getenv("LICET_USER"), os.Getenv("LICET_HOST"), os.Getenv("LICET_PORT")))
	if told, is := wrong.Ping().(*mysql.MySQLError); is {
		say("wrong password", told.Number)
	}
}
