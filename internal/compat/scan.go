package compat

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Test is a test, or an entry of a test's table, that names rows.
type Test struct {
	File string // from the top of the repository
	Name string
	Rows []string
}

// EndToEnd tests run the broker's binary.
func (t Test) EndToEnd() bool { return strings.HasPrefix(t.File, "test/") }

// Scan finds the tests below top that name rows, those that run the whole broker first.
func Scan(top string) ([]Test, error) {
	var all []Test
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != top && (name[0] == '.' || name == "build" || name == "node_modules" || name == "compat" || name == "pitfalls") {
			return filepath.SkipDir // tests of this package name rows that are none, and pitfalls have numbers of their own
		}
		if entry.IsDir() || !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		found, err := scanFile(filepath.ToSlash(relative), source)
		all = append(all, found...)
		return err
	})
	slices.SortStableFunc(all, func(a, b Test) int {
		if a.EndToEnd() != b.EndToEnd() {
			if a.EndToEnd() {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.File, b.File)
	})
	return all, err
}

// scanFile finds three ways to name rows, in the order of the file:
//   - a string literal that begins with them: the entry of a table, the name of a subtest
//   - the name of a test, TestP33_P40_ReturnBeforeConfirm
//   - the reason of a test: its doc comment, or the comment in front of its first statement
func scanFile(name string, source []byte) ([]Test, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var found []Test
	add := func(what string, rows []string) {
		if len(rows) > 0 {
			slices.Sort(rows)
			found = append(found, Test{name, what, slices.Compact(rows)})
		}
	}
	for _, declaration := range file.Decls {
		if f, is := declaration.(*ast.FuncDecl); is && strings.HasPrefix(f.Name.Name, "Test") {
			reason := f.Doc.Text() + reasonOf(file, f)
			add(f.Name.Name, append(inName(f.Name.Name), rowID.FindAllString(reason, -1)...))
		}
		ast.Inspect(declaration, func(n ast.Node) bool {
			if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					add(text, leading(text))
				}
			}
			return true
		})
	}
	return found, nil
}

// reasonOf is the comment that stands first in a function's body.
func reasonOf(file *ast.File, f *ast.FuncDecl) string {
	if f.Body == nil || len(f.Body.List) == 0 {
		return ""
	}
	for _, c := range file.Comments {
		if c.Pos() > f.Body.Lbrace && c.End() < f.Body.List[0].Pos() {
			return c.Text()
		}
	}
	return ""
}

var nameID = regexp.MustCompile(`^([PXQDAK])([0-9]{2})_`)

// inName are the rows of TestP33_P40_ReturnBeforeConfirm.
func inName(name string) (rows []string) {
	for rest := strings.TrimPrefix(name, "Test"); ; {
		m := nameID.FindStringSubmatch(rest)
		if m == nil {
			return rows
		}
		rows = append(rows, m[1]+"-"+m[2])
		rest = rest[len(m[0]):]
	}
}

var leadingIDs = regexp.MustCompile(`^[PXQDAK]-[0-9]{2}(, [PXQDAK]-[0-9]{2})*\b`)

// leading are the rows that a text begins with: "P-42 duplicate tag", "P-33, P-40 return before confirm".
func leading(text string) []string { return rowID.FindAllString(leadingIDs.FindString(text), -1) }
