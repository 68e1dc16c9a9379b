package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// commandLine is the place of a setting that did not come from a file.
const commandLine = "--set"

// Load returns the defaults, changed by the file (none when the name is empty), changed by what --set gave as "key=value".
// Of two settings of one key the later wins, as in RabbitMQ.
//
// An error names the place, the key, the value and what would be right; it is about the first thing that is wrong.
func Load(file string, sets []string) (Config, error) {
	var settings []setting
	if file != "" {
		read, err := readFile(file)
		if err != nil {
			return Config{}, err
		}
		settings = read
	}
	for _, text := range sets {
		s, err := parseSetting(commandLine, text)
		if err != nil {
			return Config{}, err
		}
		settings = append(settings, s)
	}
	return build(settings)
}

func build(settings []setting) (Config, error) {
	b := builder{Config: Default()}
	for _, s := range settings {
		k, name, found := findKey(s.key)
		if !found {
			// Without the value: a misspelt default_pass must not end up in a log.
			return Config{}, fmt.Errorf("%s: %s: there is no such key%s", s.place, s.key, hint(s.key))
		}
		// log.console.level beats log.level wherever the two stand in the file, but what --set says beats the file.
		if s.place == commandLine {
			b.consoleLevelSet = false
		}
		if !k.set(&b, name, s.value) {
			return Config{}, fmt.Errorf("%s: %s = %s: must be %s", s.place, s.key, s.value, k.want)
		}
		if strings.HasPrefix(s.key, "vm_memory_") {
			b.watermarkAt = s
		}
		if strings.HasPrefix(s.key, "actors.") {
			b.stuckAt = s
		}
	}
	return b.finish()
}

// builder is a Config while settings are still coming in, with what depends on more than one of them.
type builder struct {
	Config
	listenersSet, lowSet bool
	tagsSet              bool
	consoleLevelSet      bool
	tlsVersions          numbered
	tlsCiphers           numbered
	authMechanisms       numbered
	// The last setting of a watermark, to be blamed when the two do not fit together.
	watermarkAt setting
	stuckAt     setting // likewise of actors.stuck_after and actors.replace_after
	replaceSet  bool
}

// listen sets one TCP listener. The first one named takes the place of the built-in default.
func (b *builder) listen(name, address string) {
	if !b.listenersSet {
		b.silenceTCP()
	}
	b.silence(name, false)
	b.Listeners = append(b.Listeners, Listener{Name: name, Address: address})
}

// silence takes one listener away.
func (b *builder) silence(name string, tls bool) {
	b.Listeners = slices.DeleteFunc(b.Listeners, func(l Listener) bool { return l.Name == name && l.TLS == tls })
}

// silenceTCP takes all that do not speak TLS away, the default first of all.
func (b *builder) silenceTCP() {
	b.listenersSet = true
	b.Listeners = slices.DeleteFunc(b.Listeners, func(l Listener) bool { return !l.TLS })
}

func (b *builder) finish() (Config, error) {
	if err := b.finishTLS(); err != nil {
		return Config{}, err
	}
	if len(b.authMechanisms) > 0 {
		b.AuthMechanisms = b.authMechanisms.values()
	}
	c := b.Config
	if !b.lowSet && c.MemoryHigh != Default().MemoryHigh {
		// The defaults are 40 % and 30 %: whoever moves the higher mark moves the lower with it.
		c.MemoryLow = Watermark{Relative: c.MemoryHigh.Relative * 3 / 4, Absolute: c.MemoryHigh.Absolute / 4 * 3}
	}
	bothRelative := c.MemoryLow.Absolute == 0 && c.MemoryHigh.Absolute == 0
	if c.MemoryLow.Absolute > c.MemoryHigh.Absolute && c.MemoryHigh.Absolute > 0 ||
		bothRelative && c.MemoryLow.Relative > c.MemoryHigh.Relative {
		s := b.watermarkAt
		return Config{}, fmt.Errorf("%s: %s = %s: the low watermark must not stand above the high one", s.place, s.key, s.value)
	}
	if c.ChaosAppendPanics > 0 && !c.ChaosEnabled {
		return Config{}, fmt.Errorf("chaos.append_panics = 1/%d: it needs chaos.enabled = true", c.ChaosAppendPanics)
	}
	if c.ChaosPoison != "" && !c.ChaosEnabled {
		return Config{}, fmt.Errorf("chaos.poison = %s: it needs chaos.enabled = true", c.ChaosPoison)
	}
	if !b.replaceSet {
		c.ReplaceAfter = 2 * c.StuckAfter
	}
	if c.ReplaceAfter > 0 && (c.StuckAfter == 0 || c.ReplaceAfter < c.StuckAfter) {
		s := b.stuckAt
		return Config{}, fmt.Errorf("%s: %s = %s: an actor cannot be replaced (after %v) that is not stuck yet (after %v)",
			s.place, s.key, s.value, c.ReplaceAfter, c.StuckAfter)
	}
	return c, nil
}

// hint names the closest key, when one is close.
func hint(unknown string) string {
	best, distance := "", len(unknown)/3+2
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if strings.HasPrefix(name, unknown+".") {
			return "; did you mean " + name + "?"
		}
		if d := editDistance(unknown, name); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return "; docs/configuration.md lists those there are"
	}
	return "; did you mean " + best + "?"
}

// editDistance is Levenshtein's: the insertions, deletions and replacements that lead from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
