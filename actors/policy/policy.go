// Package policy is what policies and operator policies mean (https://www.rabbitmq.com/docs/policies): which of them applies to a
// queue or an exchange, and what it says. Everything in it is pure.
package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"warren/internal/definitions"
	"warren/protocol"
)

// Spec is a policy as somebody writes it.
type Spec struct {
	Name string
	// Operator says that it is an operator policy: those have names of their own.
	Operator bool
	// Pattern is a regular expression. It applies to names that it matches a part of.
	Pattern string
	// Definition is a JSON object of keys such as max-length.
	Definition string
	Priority   int64
	ApplyTo    string
}

// Policy is one that can be applied. It is immutable.
type Policy struct {
	Spec
	// Keys are what Definition says.
	Keys       protocol.Table
	expression *regexp.Regexp
}

// Kind is what a policy may apply to, as apply-to names it.
type Kind string

const (
	Exchange     Kind = "exchanges"
	ClassicQueue Kind = "classic_queues"
	QuorumQueue  Kind = "quorum_queues"
	Stream       Kind = "streams"
)

// The values of apply-to that stand for several kinds.
const (
	All    = "all"
	Queues = "queues"
)

var applyTo = []string{All, Queues, string(Exchange), string(ClassicQueue), string(QuorumQueue), string(Stream)}

// Invalid is what is wrong with a policy, in RabbitMQ's words.
type Invalid string

func (i Invalid) Error() string { return string(i) }

// Compile reads a policy, and does not ask whether its keys are known: one that another version has written is not lost.
func Compile(s Spec) (*Policy, error) {
	p := &Policy{Spec: s}
	var err error
	if p.Keys, err = keys(s.Definition); err != nil {
		return nil, err
	}
	p.expression, err = pattern(s.Pattern)
	return p, err
}

// Check refuses a policy as RabbitMQ does, with everything that is wrong with it.
func Check(s Spec) error {
	definition, err := keys(s.Definition)
	if err != nil {
		return err
	}
	wrong := []error{checkKeys(definition, s.Operator)}
	if !slices.Contains(applyTo, s.ApplyTo) {
		wrong = append(wrong, fmt.Errorf("apply-to '%s' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'", s.ApplyTo))
	}
	_, err = pattern(s.Pattern)
	if err := errors.Join(append(wrong, err)...); err != nil {
		return Invalid("Validation failed\n\n" + err.Error())
	}
	return nil
}

func keys(definition string) (protocol.Table, error) {
	var keys definitions.Arguments
	if err := json.Unmarshal([]byte(definition), &keys); err != nil {
		return nil, Invalid(fmt.Sprintf("Could not parse JSON document: a definition is an object such as {\"max-length\": 10}, not %s: %v", definition, err))
	}
	return protocol.Table(keys), nil
}

// pattern compiles a policy's.
//
// Differs: RabbitMQ takes Perl's syntax and backtracks; this is RE2's, which takes time in proportion to the name whatever the
// pattern is, and so has neither lookaround ((?!...), (?<=...)) nor back references nor possessive repetition.
func pattern(text string) (*regexp.Regexp, error) {
	expression, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("pattern should be regular expression but is invalid: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return expression, nil
}

// applies says whether a policy is for an entity: by its kind, its name, and by whether a queue of that type has all that it speaks of.
func (p *Policy) applies(k Kind, name string) bool {
	switch p.ApplyTo {
	case All, string(k):
	case Queues:
		if k == Exchange {
			return false
		}
	default:
		return false
	}
	return !foreign(k, p.Keys) && p.expression.MatchString(name)
}
