package protocol

import (
	"bytes"
	"slices"
	"testing"
)

func TestSelectedKeys(t *testing.T) {
	// Contract P-36: CC and BCC are arrays of texts; another type is refused, another element is no key.
	for _, c := range []struct {
		what    string
		headers Table
		flags   Flags
		keys    []string
		err     string
	}{
		{"none", Table{"cc": "x", "CCC": []any{"x"}}, 0, nil, ""},
		{"CC", Table{"CC": []any{"a", "b"}, "x": "y"}, FlagSelected, []string{"a", "b"}, ""},
		{"BCC", Table{"BCC": []any{"a"}}, FlagSelected | FlagBCC, []string{"a"}, ""},
		{"both", Table{"BCC": []any{"b"}, "CC": []any{"a"}}, FlagSelected | FlagBCC, []string{"a", "b"}, ""},
		{"elements of other types", Table{"CC": []any{int32(1), "a", []any{"b"}, nil, "", Table{"c": "d"}}}, FlagSelected, []string{"a", ""}, ""},
		{"an empty array", Table{"CC": []any{}}, FlagSelected, nil, ""},
		{"a text", Table{"CC": "a"}, 0, nil, `invalid message: {unacceptable_type_in_header,<<"CC">>,longstr}`},
		{"a number", Table{"BCC": int32(1)}, 0, nil, `invalid message: {unacceptable_type_in_header,<<"BCC">>,signedint}`},
		{"void", Table{"BCC": nil}, 0, nil, `invalid message: {unacceptable_type_in_header,<<"BCC">>,void}`},
	} {
		raw := AppendTable(nil, c.headers)
		flags, err := SelectedKeys(raw)
		if flags != c.flags || (err == nil) != (c.err == "") || err != nil && err.Text != c.err {
			t.Errorf("%s: %b, %v", c.what, flags, err)
		}
		var keys []string
		EachSelectedKey(raw, func(key []byte) { keys = append(keys, string(key)) })
		if !slices.Equal(keys, c.keys) {
			t.Errorf("%s: keys %q", c.what, keys)
		}
	}
	if flags, err := SelectedKeys(nil); flags != 0 || err != nil {
		t.Errorf("no headers: %b, %v", flags, err)
	}
}

func TestWithoutBCC(t *testing.T) {
	// Contract P-36: BCC is not there for whoever gets the message; everything else is as it was, and so is the original.
	p := Properties{
		ContentType: "text", ContentEncoding: "gzip", Headers: Table{"BCC": []any{"hidden"}, "CC": []any{"a"}, "n": int32(1)},
		DeliveryMode: 2, MessageID: "m", ClusterID: "c",
	}
	raw := p.Append(nil)
	before := bytes.Clone(raw)
	got := WithoutBCC(Message{Properties: raw, Flags: FlagHeaders | FlagSelected | FlagBCC, Body: []byte("b")})
	delete(p.Headers, "BCC")
	if want := p.Append(nil); !bytes.Equal(got.Properties, want) {
		t.Errorf("got  %x\nwant %x", got.Properties, want)
	}
	if got.Flags != FlagHeaders|FlagSelected || !bytes.Equal(raw, before) {
		t.Error("flags, or the original changed")
	}
	m := Message{Properties: raw, Flags: FlagHeaders}
	if got := WithoutBCC(m); &got.Properties[0] != &raw[0] {
		t.Error("copied without need")
	}
}

// Headers come from clients. What is found in them lies within them, and what is left out leaves properties that are whole.
func FuzzSelected(f *testing.F) {
	for _, h := range []Table{{"CC": []any{"a", "b"}}, {"BCC": []any{"a", int8(1)}, "x": Table{"y": nil}}, {"BCC": "x"}, {}} {
		p := Properties{Present: PropHeaders, Headers: h, ContentType: "t", AppID: "a"}
		f.Add(p.Append(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		scan, err := ScanProperties(raw)
		if err != nil {
			return
		}
		flags, problem := SelectedKeys(scan.Headers)
		EachSelectedKey(scan.Headers, func(key []byte) {
			if len(key) > len(raw) {
				t.Fatal("a key longer than all")
			}
		})
		if problem != nil || !flags.Has(FlagBCC) {
			return
		}
		m := WithoutBCC(Message{Properties: raw, Flags: flags})
		after, err := ScanProperties(m.Properties)
		if err != nil {
			t.Fatal(err)
		}
		if _, there := LookupField(after.Headers, "BCC"); there {
			t.Fatal("still there")
		}
		if after.Present != scan.Present || len(m.Properties) >= len(raw) {
			t.Fatalf("%x became %x", raw, m.Properties)
		}
	})
}
