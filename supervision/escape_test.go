package supervision

import (
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":              "%",
		"orders":        "orders",
		"/":             "%2F",
		"a/b c":         "a%2Fb%20c",
		"100%":          "100%25",
		"%":             "%25",
		"日本.ä":          "日本.ä",
		"\x00\n\t\x7f":  "%00%0A%09%7F",
		"\xff":          "\xff",
		"amq.gen-Ab$_=": "amq.gen-Ab$_=",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"", "a%", "a%2", "%2f", "%41", "%zz", "a b", "a/b", "%%"} {
		if got, err := Unescape(bad); err == nil {
			t.Errorf("Unescape(%q) = %q", bad, got)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "/", "%", "a b", "ä/%25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := Escape(s)
		if e == "" || strings.ContainsAny(e, "/ \n") {
			t.Fatalf("%q -> %q", s, e)
		}
		if back, err := Unescape(e); err != nil || back != s {
			t.Fatalf("%q -> %q -> %q, %v", s, e, back, err)
		}
		if back, err := Unescape(s); err == nil && Escape(back) != s {
			t.Fatalf("%q is not the only escape of %q", s, back)
		}
	})
}
