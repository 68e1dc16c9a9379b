// Package compat writes docs/compatibility.md: what RabbitMQ does, row by row of the contract, and which test holds Warren to it.
//
// rows.tsv has the rows and gaps.tsv what is missing of them; the tests are found by the row ids that they name.
package compat

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

//go:generate go run ./gen ../../docs/compatibility.md ../..

//go:embed rows.tsv
var rowsFile string

//go:embed gaps.tsv
var gapsFile string

// Row is one feature of the contract.
type Row struct {
	ID, Rank, Feature string
	Gap               Gap
	Tests             []Test
}

// Gap is what is missing of a row. The zero Gap is none.
type Gap struct {
	State  string // "none" of it is done, or "part"
	Reason string
}

// Sections are the contract's, by the letter of their rows.
var sections = []struct{ letter, title string }{
	{"P", "AMQP 0-9-1"},
	{"X", "Exchanges and bindings"},
	{"Q", "Queues"},
	{"D", "Persistence"},
	{"A", "Alarms, flow control, states"},
	{"K", "Processes and recovery"},
}

// rowID finds the ids in a text: a letter of a section and two digits.
var rowID = regexp.MustCompile(`\b[PXQDAK]-[0-9]{2}\b`)

var ranks = []string{"must", "should", "could"}

// Rows reads both files and puts the tests under the rows that they name.
func Rows(tests []Test) ([]Row, error) { return read(rowsFile, gapsFile, tests) }

func read(rowsFile, gapsFile string, tests []Test) ([]Row, error) {
	var rows []Row
	byID := map[string]int{}
	for n, fields := range lines(rowsFile) {
		switch {
		case len(fields) != 3:
			return nil, fmt.Errorf("rows.tsv:%d: %d fields, want id, rank and feature", n, len(fields))
		case rowID.FindString(fields[0]) != fields[0]:
			return nil, fmt.Errorf("rows.tsv:%d: %q is no row id", n, fields[0])
		case !slices.Contains(ranks, fields[1]):
			return nil, fmt.Errorf("rows.tsv:%d: rank %q is none of %v", n, fields[1], ranks)
		}
		if _, twice := byID[fields[0]]; twice {
			return nil, fmt.Errorf("rows.tsv:%d: %s is there twice", n, fields[0])
		}
		byID[fields[0]] = len(rows)
		rows = append(rows, Row{ID: fields[0], Rank: fields[1], Feature: fields[2]})
	}
	for n, fields := range lines(gapsFile) {
		if len(fields) != 3 || fields[1] != "none" && fields[1] != "part" {
			return nil, fmt.Errorf("gaps.tsv:%d: want id, none or part, and a reason, not %q", n, fields)
		}
		i, known := byID[fields[0]]
		if !known {
			return nil, fmt.Errorf("gaps.tsv:%d: %s is no row of rows.tsv", n, fields[0])
		}
		if rows[i].Gap != (Gap{}) {
			return nil, fmt.Errorf("gaps.tsv:%d: %s is there twice", n, fields[0])
		}
		rows[i].Gap = Gap{fields[1], fields[2]}
	}
	for _, test := range tests {
		for _, id := range test.Rows {
			i, known := byID[id]
			if !known {
				return nil, fmt.Errorf("%s: %s names %s, which is no row of rows.tsv", test.File, test.Name, id)
			}
			rows[i].Tests = append(rows[i].Tests, test)
		}
	}
	return rows, nil
}

// Check says what is wrong with the rows taken together.
func Check(rows []Row) []string {
	var wrong []string
	for _, r := range rows {
		whole := slices.ContainsFunc(r.Tests, Test.EndToEnd)
		switch {
		case r.Rank == "must" && r.Gap == Gap{} && len(r.Tests) == 0:
			wrong = append(wrong, r.ID+" is a must without a test that names it and without a line in gaps.tsv")
		case r.Gap.State == "none" && whole:
			wrong = append(wrong, r.ID+": gaps.tsv says that none of it is done, and a test names it: "+r.Tests[0].File)
		case r.Gap.State == "part" && len(r.Tests) == 0:
			wrong = append(wrong, r.ID+": gaps.tsv says that part of it is done, and no test names it")
		}
	}
	return wrong
}

// lines are the fields of every line that says something, by line number.
func lines(file string) func(yield func(int, []string) bool) {
	return func(yield func(int, []string) bool) {
		n := 0
		for line := range strings.Lines(file) {
			n++
			line = strings.TrimSuffix(line, "\n")
			if line != "" && line[0] != '#' && !yield(n, strings.Split(line, "\t")) {
				return
			}
		}
	}
}
