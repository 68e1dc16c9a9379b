package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// setting is one "key = value", and where it stands.
type setting struct {
	place      string // "rabbitmq.conf:12" or "--set"
	key, value string
}

// readFile splits a configuration file into its settings, in their order.
//
// RabbitMQ's format (https://www.rabbitmq.com/docs/configure#config-file-formats): one setting a line; # starts a comment,
// also behind a value; a value in single quotes is taken as it is, # and spaces included; $(NAME) outside of quotes is an
// environment variable.
func readFile(file string) ([]setting, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return parse(file, string(text))
}

func parse(file, text string) ([]setting, error) {
	var settings []setting
	text = strings.TrimPrefix(text, "\ufeff")
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parseSetting(fmt.Sprintf("%s:%d", file, i+1), line)
		if err != nil {
			return nil, err
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// parseSetting splits one line, or what follows --set.
func parseSetting(place, line string) (setting, error) {
	key, rest, found := strings.Cut(line, "=")
	key = strings.TrimSpace(key)
	if !found || !keyForm.MatchString(key) {
		return setting{}, fmt.Errorf("%s: %q is not a setting: write key = value", place, line)
	}
	value, err := parseValue(strings.TrimSpace(rest))
	if err != nil {
		return setting{}, fmt.Errorf("%s: %s: %w", place, key, err)
	}
	return setting{place, key, value}, nil
}

var (
	// A key's parts may be user names, so more than letters is allowed in them.
	keyForm  = regexp.MustCompile(`^[A-Za-z0-9_][^\s=#'"]*$`)
	variable = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)
)

func parseValue(rest string) (string, error) {
	if quoted, found := strings.CutPrefix(rest, "'"); found {
		value, behind, closed := strings.Cut(quoted, "'")
		behind = strings.TrimSpace(behind)
		if !closed {
			return "", fmt.Errorf("the quote before %s is never closed: end the value with '", quoted)
		}
		if behind != "" && behind[0] != '#' {
			return "", fmt.Errorf("%q stands behind the closing quote: only a # comment may", behind)
		}
		return value, nil
	}

	value, _, _ := strings.Cut(rest, "#")
	value = strings.TrimSpace(value)
	if value == "" {
		return "", fmt.Errorf("no value: write one behind the =, and put it in single quotes if it begins with #")
	}
	return expand(value)
}

// expand puts the environment's variables in. One that is not set is an error: an empty password is nobody's wish.
func expand(value string) (string, error) {
	var missing error
	expanded := variable.ReplaceAllStringFunc(value, func(reference string) string {
		name := variable.FindStringSubmatch(reference)[1]
		content, set := os.LookupEnv(name)
		if !set {
			missing = fmt.Errorf("environment variable %s is not set", name)
		}
		return content
	})
	return expanded, missing
}
