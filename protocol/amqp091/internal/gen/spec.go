package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The part of the specification's XML that we use.
type spec struct {
	Domains []domain `xml:"domain"`
	Classes []class  `xml:"class"`
}

type domain struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
}

type class struct {
	Name    string   `xml:"name,attr"`
	Index   int      `xml:"index,attr"`
	Methods []method `xml:"method"`
}

type method struct {
	Name    string  `xml:"name,attr"`
	Index   int     `xml:"index,attr"`
	Content int     `xml:"content,attr"`
	Fields  []field `xml:"field"`
}

type field struct {
	Name     string `xml:"name,attr"`
	Domain   string `xml:"domain,attr"`
	Type     string `xml:"type,attr"`
	Reserved int    `xml:"reserved,attr"`
}

// readSpec merges specification files: what a later one adds, methods of a known class included, joins the earlier ones.
func readSpec(files ...string) (*spec, error) {
	all := &spec{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var one spec
		if err := xml.Unmarshal(data, &one); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all.Domains = append(all.Domains, one.Domains...)
		for _, c := range one.Classes {
			at := slices.IndexFunc(all.Classes, func(known class) bool { return known.Index == c.Index })
			if at < 0 {
				all.Classes = append(all.Classes, c)
				continue
			}
			all.Classes[at].Methods = append(all.Classes[at].Methods, c.Methods...)
		}
	}
	slices.SortFunc(all.Classes, func(a, b class) int { return a.Index - b.Index })
	for _, c := range all.Classes {
		slices.SortFunc(c.Methods, func(a, b method) int { return a.Index - b.Index })
	}
	return all, all.resolve()
}

// resolve replaces every field's domain by its type.
func (s *spec) resolve() error {
	types := map[string]string{}
	for _, d := range s.Domains {
		types[d.Name] = d.Type
	}
	for _, c := range s.Classes {
		for _, m := range c.Methods {
			for i := range m.Fields {
				f := &m.Fields[i]
				if f.Type == "" {
					f.Type = types[f.Domain]
				}
				if _, ok := goTypes[f.Type]; !ok {
					return fmt.Errorf("%s.%s: field %s has no type we know: %q", c.Name, m.Name, f.Name, f.Type)
				}
			}
		}
	}
	return nil
}

var goTypes = map[string]string{
	"bit": "bool", "octet": "uint8", "short": "uint16", "long": "uint32", "longlong": "uint64",
	"timestamp": "uint64", "shortstr": "string", "longstr": "string", "table": "RawTable",
}

// goName turns no-wait into NoWait.
func goName(name string) string {
	if name == "nowait" { // confirm.select spells it so
		name = "no-wait"
	}
	var b strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		if word == "id" {
			b.WriteString("ID")
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
