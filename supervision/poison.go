package supervision

import "strings"

// Poison is for trying out what kills whoever takes it, again and again: a word that text begins with which is deadly on order. The empty
// one kills nobody. Unlike an injected crash, what it does is a crash like another: it counts, and its actor notes over what it died.
type Poison string

// Taste panics when a text is deadly for actors of a kind: it begins with the word, a hyphen and the kind.
func Taste[T string | []byte](p Poison, kind string, text T) {
	if rest, is := strings.CutPrefix(string(text[:min(len(text), len(p)+1+len(kind))]), string(p)+"-"); is && p != "" && rest == kind {
		panic("poison for a " + kind + " (chaos.poison)")
	}
}
