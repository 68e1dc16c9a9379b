package compat

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const top = "../.."

// docs/compatibility.md is what its generator writes, and no must is without a test or an excuse.
func TestPage(t *testing.T) {
	tests, err := Scan(top)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := Rows(tests)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range Check(rows) {
		t.Error(wrong)
	}
	page, err := os.ReadFile(top + "/docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := Page(rows); string(page) != want {
		t.Error("docs/compatibility.md is not what internal/compat writes: go generate ./internal/compat")
	}
	if len(tests) < 100 {
		t.Errorf("only %d tests name a row: this is not the repository", len(tests))
	}
}

// The three ways in which a test names its rows, and what only looks like one.
func TestScan(t *testing.T) {
	source := `package x
// P-01: a reason.
func TestHeader(t *testing.T) {}
func TestP33_P40_Return(t *testing.T) {
	t.Run("P-41 order", nil)
	entry{what: "P-42, P-43 tags"}
	"see P-44"
}
func TestInside(t *testing.T) {
	// Contract X-01, X-02: a reason.
	f()
	// P-45 is no reason here.
}
// P-46: a helper is no test.
func helper() {}
`
	source = strings.Replace(source, "\tentry{what", "\t_ = entry{what", 1)
	source = strings.Replace(source, "\t\"see", "\t_ = \"see", 1)
	found, err := scanFile("a/x_test.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		got = append(got, f.Name+" = "+strings.Join(f.Rows, " "))
	}
	want := []string{
		"TestHeader = P-01", "TestP33_P40_Return = P-33 P-40", "P-41 order = P-41", "P-42, P-43 tags = P-42 P-43", "TestInside = X-01 X-02",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What is wrong in the files is named with its place.
func TestReadRefuses(t *testing.T) {
	const good = "P-01\tmust\tone\n"
	for _, row := range []struct {
		rows, gaps string
		tests      []Test
		want       string
	}{
		{"P-01\tmust", "", nil, "rows.tsv:1: 2 fields"},
		{"P-1\tmust\tone", "", nil, `"P-1" is no row id`},
		{"P-01\tmaybe\tone", "", nil, `rank "maybe"`},
		{good + good, "", nil, "rows.tsv:2: P-01 is there twice"},
		{good, "P-02\tnone\twhy", nil, "gaps.tsv:1: P-02 is no row"},
		{good, "P-01\tall\twhy", nil, "want id, none or part"},
		{good, "P-01\tnone\twhy\nP-01\tpart\twhy", nil, "gaps.tsv:2: P-01 is there twice"},
		{good, "", []Test{{"f", "n", []string{"P-99"}}}, "f: n names P-99"},
	} {
		if _, err := read(row.rows, row.gaps, row.tests); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q, %q: got %v, want ...%s...", row.rows, row.gaps, err, row.want)
		}
	}
}

// A must needs a test or a gap, and a gap must not contradict the tests.
func TestCheck(t *testing.T) {
	whole, part := []Test{{File: "test/flow/x_test.go"}}, []Test{{File: "actors/queue/x_test.go"}}
	for _, row := range []struct {
		row  Row
		want string
	}{
		{Row{Rank: "must"}, "without a test"},
		{Row{Rank: "should"}, ""},
		{Row{Rank: "must", Tests: part}, ""},
		{Row{Rank: "must", Gap: Gap{"none", "why"}}, ""},
		{Row{Rank: "must", Gap: Gap{"none", "why"}, Tests: part}, ""},
		{Row{Rank: "must", Gap: Gap{"none", "why"}, Tests: whole}, "none of it is done"},
		{Row{Rank: "could", Gap: Gap{"part", "why"}}, "no test names it"},
		{Row{Rank: "could", Gap: Gap{"part", "why"}, Tests: whole}, ""},
	} {
		got := strings.Join(Check([]Row{row.row}), ", ")
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%+v: got %q, want %q", row.row, got, row.want)
		}
	}
}
