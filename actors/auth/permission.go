package auth

import (
	"fmt"
	"regexp"
	"strings"

	eventv1 "warren/proto/event/v1"
)

// Kind is a permission's (RabbitMQ, access control, "how permissions work").
type Kind uint8

const (
	Configure Kind = iota
	Write
	Read
)

func (k Kind) String() string { return [...]string{"configure", "write", "read"}[k] }

// Permissions are what a user may do in a vhost: a pattern of names for each kind.
type Permissions struct {
	*eventv1.PermissionsSet
	names [3]pattern // by Kind
}

// Allow says whether a name is within a kind's pattern.
func (p *Permissions) Allow(k Kind, name string) bool { return p.names[k].matches(name) }

// AllowAll says that every name is, without looking at one.
func (p *Permissions) AllowAll(k Kind) bool { return p.names[k].expression == nil }

// TopicPermissions are which routing keys a user may use with a topic exchange.
type TopicPermissions struct {
	*eventv1.TopicPermissionsSet
	write, read pattern
}

// Allow says whether a routing key is within a kind's pattern.
func (p *TopicPermissions) Allow(k Kind, key string) bool {
	if k == Write {
		return p.write.matches(key)
	}
	return p.read.matches(key)
}

// pattern is a compiled regular expression; its zero value is the one for everything, ".*".
type pattern struct{ expression *regexp.Regexp }

func (p pattern) matches(s string) bool { return p.expression == nil || p.expression.MatchString(s) }

// nothing is what an empty pattern stands for: the empty name alone, which no entity has.
const nothing = "^$"

// CompilePattern refuses what is no regular expression.
//
// Differs: RabbitMQ takes Perl's syntax and backtracks; this is RE2's, which takes time in proportion to the name whatever the
// pattern is, and so has neither lookaround ((?!...), (?<=...)) nor back references nor possessive repetition.
func CompilePattern(text string) (*regexp.Regexp, error) {
	if text == "" {
		text = nothing
	}
	r, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression '%s': %w", text, err)
	}
	return r, nil
}

// patterns are those that were compiled, by their text: most users have the same few.
type patterns map[string]*regexp.Regexp

func (ps patterns) get(text string) pattern {
	if text == ".*" {
		return pattern{}
	}
	r := ps[text]
	if r == nil {
		var err error
		if r, err = CompilePattern(text); err != nil { // it was compiled before the event was written
			panic(fmt.Sprintf("auth: a pattern in an event: %v", err))
		}
		ps[text] = r
	}
	return pattern{r}
}

func (ps patterns) permissions(p *eventv1.PermissionsSet) *Permissions {
	return &Permissions{p, [...]pattern{Configure: ps.get(p.Configure), Write: ps.get(p.Write), Read: ps.get(p.Read)}}
}

func (ps patterns) topicPermissions(p *eventv1.TopicPermissionsSet) *TopicPermissions {
	return &TopicPermissions{p, ps.get(expand(p.Write, p.User, p.Vhost)), ps.get(expand(p.Read, p.User, p.Vhost))}
}

// expand puts the user's and the vhost's name in where a topic pattern says {username} and {vhost}. {client_id} is MQTT's: an
// AMQP 0-9-1 connection has none, and what stands there matches itself.
//
// Differs: RabbitMQ puts them in as they are, so that a user called ".*" may use every key.
func expand(text, user, vhost string) string {
	return strings.NewReplacer("{username}", regexp.QuoteMeta(user), "{vhost}", regexp.QuoteMeta(vhost), "{client_id}", `\{client_id\}`).Replace(text)
}

// CheckTopicPattern refuses a pattern that does not compile for that user and vhost.
func CheckTopicPattern(text, user, vhost string) error {
	_, err := CompilePattern(expand(text, user, vhost))
	return err
}
