package main

import (
	"strings"
)

func (w writer) method() {
	name := goName(w.class.Name) + goName(w.m.Name)
	w.printf("// %s is %s.%s (%d, %d).\ntype %s struct {\n", name, w.class.Name, w.m.Name, w.class.Index, w.m.Index, name)
	for _, f := range w.m.Fields {
		if f.Reserved == 0 {
			w.printf("%s %s\n", goName(f.Name), goTypes[f.Type])
		}
	}
	w.printf("}\n\n// ID implements Method.\nfunc (*%s) ID() MethodID { return Method%s }\n\n", name, name)
	w.parse(name)
	w.append(name)
}

// octets is the size of the fixed types.
var octets = map[string]int{"octet": 1, "short": 2, "long": 4, "longlong": 8, "timestamp": 8}

var cutters = map[string]string{"shortstr": "cutShortstr", "longstr": "cutLongstr", "table": "cutTable"}

func (w writer) parse(name string) {
	id := "Method" + name
	w.printf("// Parse implements Method.\nfunc (m *%s) Parse(args []byte) error {\n", name)
	if len(w.m.Fields) > 0 {
		w.printf("b := args\n")
	} else {
		w.printf("if len(args) != 0 { return errTrailing(%s, len(args)) }\nreturn nil\n}\n\n", id)
		return
	}
	if w.hasCut() {
		w.printf("var ok bool\n")
	}
	var texts []string
	for at := 0; at < len(w.m.Fields); at++ {
		f := w.m.Fields[at]
		if f.Type == "bit" {
			run := bits(w.m.Fields[at:])
			w.printf("if len(b) < 1 { return errTruncated(%s) }\n", id)
			for i, bit := range run {
				if bit.Reserved == 0 {
					w.printf("m.%s = b[0]&%d != 0\n", goName(bit.Name), 1<<i)
				}
			}
			w.printf("b = b[1:]\n")
			at += len(run) - 1
			continue
		}
		target := "m." + goName(f.Name)
		if f.Reserved != 0 {
			target = "_"
		}
		if cut := cutters[f.Type]; cut != "" {
			w.printf("if %s, b, ok = %s(b); !ok { return errTruncated(%s) }\n", target, cut, id)
			if f.Type == "shortstr" && f.Reserved == 0 && w.m.Content == 0 {
				texts = append(texts, target)
			}
			continue
		}
		w.printf("if len(b) < %d { return errTruncated(%s) }\n", octets[f.Type], id)
		if f.Reserved == 0 {
			w.printf("%s = %s\n", target, read(f.Type))
		}
		w.printf("b = b[%d:]\n", octets[f.Type])
	}
	w.printf("if len(b) != 0 { return errTrailing(%s, len(b)) }\n", id)
	if len(texts) > 0 {
		w.printf("return checkUTF8(%s, %s)\n}\n\n", id, strings.Join(texts, ", "))
	} else {
		w.printf("return nil\n}\n\n")
	}
}

func (w writer) append(name string) {
	w.printf("// Append implements Method.\nfunc (m *%s) Append(dst []byte) []byte {\n", name)
	w.printf("dst = append(dst, %d, %d, %d, %d)\n", w.class.Index>>8, w.class.Index&0xff, w.m.Index>>8, w.m.Index&0xff)
	for at := 0; at < len(w.m.Fields); at++ {
		f := w.m.Fields[at]
		if f.Type == "bit" {
			run := bits(w.m.Fields[at:])
			w.printf("var bits%d byte\n", at)
			for i, bit := range run {
				if bit.Reserved == 0 {
					w.printf("if m.%s { bits%d |= %d }\n", goName(bit.Name), at, 1<<i)
				}
			}
			w.printf("dst = append(dst, bits%d)\n", at)
			at += len(run) - 1
			continue
		}
		if f.Reserved != 0 {
			size := octets[f.Type]
			switch f.Type {
			case "shortstr":
				size = 1
			case "longstr", "table":
				size = 4
			}
			w.printf("dst = append(dst%s) // %s\n", strings.Repeat(", 0", size), f.Name)
			continue
		}
		field := "m." + goName(f.Name)
		switch f.Type {
		case "octet":
			w.printf("dst = append(dst, %s)\n", field)
		case "short":
			w.printf("dst = binary.BigEndian.AppendUint16(dst, %s)\n", field)
		case "long":
			w.printf("dst = binary.BigEndian.AppendUint32(dst, %s)\n", field)
		case "longlong", "timestamp":
			w.printf("dst = binary.BigEndian.AppendUint64(dst, %s)\n", field)
		case "shortstr":
			w.printf("dst = appendShortstr(dst, %s)\n", field)
		case "longstr":
			w.printf("dst = appendLongstr(dst, %s)\n", field)
		case "table":
			w.printf("dst = %s.append(dst)\n", field)
		}
	}
	w.printf("return dst\n}\n\n")
}

func (w writer) hasCut() bool {
	for _, f := range w.m.Fields {
		if cutters[f.Type] != "" {
			return true
		}
	}
	return false
}

// bits is the run of bits that fields begin with. Up to eight share an octet, AMQP 0-9-1 section 4.2.5.2.
func bits(fields []field) []field {
	n := 0
	for n < len(fields) && n < 8 && fields[n].Type == "bit" {
		n++
	}
	return fields[:n]
}

func read(kind string) string {
	switch kind {
	case "short":
		return "binary.BigEndian.Uint16(b)"
	case "long":
		return "binary.BigEndian.Uint32(b)"
	case "longlong", "timestamp":
		return "binary.BigEndian.Uint64(b)"
	}
	return "b[0]"
}
