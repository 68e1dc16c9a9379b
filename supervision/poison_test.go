package supervision

import "testing"

// docs/configuration.md, chaos.poison: what begins with the word and the kind kills, and nothing else does.
func TestTaste(t *testing.T) {
	dies := func(f func()) (died bool) {
		defer func() { died = recover() != nil }()
		f()
		return false
	}
	for _, c := range []struct {
		word Poison
		text string
		want bool
	}{
		{"toxic", "toxic-queue", true}, {"toxic", "toxic-queue and more", true}, {"toxic", "toxic-exchange", false}, {"toxic", "toxic-queu", false},
		{"toxic", "a toxic-queue", false}, {"toxic", "", false}, {"", "-queue", false}, {"", "", false},
	} {
		if got := dies(func() { Taste(c.word, "queue", c.text) }); got != c.want {
			t.Errorf("%q of %q: %v", c.text, c.word, got)
		}
		if got := dies(func() { Taste(c.word, "queue", []byte(c.text)) }); got != c.want {
			t.Errorf("%q of %q as bytes: %v", c.text, c.word, got)
		}
	}
}
