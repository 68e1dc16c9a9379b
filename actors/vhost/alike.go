package vhost

import "warren/actors/queue/settings"

// alike is how queues were last declared. A vhost may have very many of them, most of which are declared as the one before: those share what their
// arguments mean, 184 bytes, and those without any need none.
type alike struct{ last *settings.Settings }

// of returns settings that are equal to these, nil for those of a queue without arguments. Nobody may change them.
func (a *alike) of(s settings.Settings) *settings.Settings {
	switch {
	case s == settings.Undeclared:
		return nil
	case a.last == nil || *a.last != s:
		a.last = &s
	}
	return a.last
}
