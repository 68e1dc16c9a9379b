package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// formatter writes rows, one at a time.
type formatter interface {
	row(m protoreflect.Message) error
	end() error
}

var formatters = map[string]func(out io.Writer, columns []column, header bool) formatter{
	"table": func(out io.Writer, columns []column, header bool) formatter {
		return &tableFormatter{out, columns, header}
	},
	"json": func(out io.Writer, columns []column, _ bool) formatter { return &jsonFormatter{out, columns, "["} },
	"csv": func(out io.Writer, columns []column, header bool) formatter {
		return &csvFormatter{csv.NewWriter(out), columns, header}
	},
}

// tableFormatter writes columns between tabs, their names above the first row and no names above none.
type tableFormatter struct {
	out     io.Writer
	columns []column
	header  bool // still to be written
}

func (f *tableFormatter) row(m protoreflect.Message) error {
	if f.header {
		f.header = false
		if _, err := fmt.Fprintln(f.out, strings.Join(headers(f.columns), "\t")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(f.out, strings.Join(texts(m, f.columns), "\t"))
	return err
}

func (f *tableFormatter) end() error { return nil }

// jsonFormatter writes an array, one object a line.
type jsonFormatter struct {
	out     io.Writer
	columns []column
	opening string // what stands before the next object
}

func (f *jsonFormatter) row(m protoreflect.Message) error {
	encoded, err := encode(jsonColumns(m, f.columns))
	if err != nil {
		return err
	}
	opening := f.opening
	if opening == "[" {
		opening = "[\n"
	}
	f.opening = ","
	_, err = fmt.Fprintf(f.out, "%s%s\n", opening, encoded)
	return err
}

func (f *jsonFormatter) end() error {
	closing := "]\n"
	if f.opening == "[" {
		closing = "[]\n"
	}
	_, err := io.WriteString(f.out, closing)
	return err
}

// csvFormatter writes RFC 4180.
type csvFormatter struct {
	out     *csv.Writer
	columns []column
	header  bool // still to be written
}

func (f *csvFormatter) row(m protoreflect.Message) error {
	if f.header {
		f.header = false
		if err := f.out.Write(headers(f.columns)); err != nil {
			return err
		}
	}
	return f.out.Write(texts(m, f.columns))
}

func (f *csvFormatter) end() error {
	f.out.Flush()
	return f.out.Error()
}

func headers(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = title(c)
	}
	return names
}

func texts(m protoreflect.Message, columns []column) []string {
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = text(m, c)
	}
	return cells
}
