package supervision

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/rs/zerolog"
)

// Crash is a panic in an actor's turn, taken where it happened, or a turn that does not end.
type Crash struct {
	Path        string
	Kind        string
	Incarnation uint64
	Reason      any    // what was panicked with
	Message     string // type of the message whose turn it was
	Injected    bool   // by System.Crash
	Stack       string // from the panic downwards

	uncounted bool // injected, and not to be held against anybody
	stuck     bool // no panic, but a turn that does not end
}

func (c *Crash) Error() string {
	if c.stuck {
		return fmt.Sprintf("%s (%s, incarnation %d) was stuck in %s", c.Path, c.Kind, c.Incarnation, c.Message)
	}
	return fmt.Sprintf("%s (%s, incarnation %d) panicked in %s: %v", c.Path, c.Kind, c.Incarnation, c.Message, c.Reason)
}

// Unwrap gives the error that was panicked with, if it was one.
func (c *Crash) Unwrap() error {
	err, _ := c.Reason.(error)
	return err
}

// MarshalZerologObject makes one structured line of it.
func (c *Crash) MarshalZerologObject(e *zerolog.Event) {
	e.Str("path", c.Path).Str("kind", c.Kind).Uint64("incarnation", c.Incarnation).
		Str("reason", fmt.Sprint(c.Reason)).Str("message_type", c.Message).Bool("injected", c.Injected).Str("stack", c.Stack)
}

// Refusal is what an actor panics with in its Started turn when the world keeps it from starting, and no stack would say
// more: a file that somebody else has, a disk that fails.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }

func (r *Refusal) Unwrap() error { return r.Err }

// Escalation is a supervisor that gave up: the reason it ends with, and what made it one too many. Escalations nest:
// unwrapping leads from the top down to the last crash.
type Escalation struct {
	Path     string
	Strategy Strategy
	Limit    Limit
	Cause    error
}

func (e *Escalation) Error() string {
	return fmt.Sprintf("%s (%v) exceeded its limit of %v: %v", e.Path, e.Strategy, e.Limit, e.Cause)
}

func (e *Escalation) Unwrap() error { return e.Cause }

// StartError is a child that did not start, and so the reason why its supervisor did not either.
type StartError struct {
	Path  string // of the child
	Cause error
}

func (e *StartError) Error() string { return fmt.Sprintf("%s did not start: %v", e.Path, e.Cause) }

func (e *StartError) Unwrap() error { return e.Cause }

// exitError is a child that stopped itself where it should not have.
type exitError struct{ path string }

func (e *exitError) Error() string { return e.path + " stopped itself" }

func (e *exitError) Unwrap() error { return ErrExited }

// stackOf digs out the stack of the crash at the end of the chain, if there is one.
func stackOf(err error) string {
	var c *Crash
	if errors.As(err, &c) {
		return c.Stack
	}
	return ""
}

// panicStack is the stack of the panic that is being recovered: from the line behind panic(), which names the culprit, to
// the guard. What lies below is the same for every actor.
func panicStack() string {
	stack := string(debug.Stack())
	if i := strings.Index(stack, "\npanic("); i >= 0 {
		_, stack = cutFrame(stack[i+1:])
	}
	return aboveGuard(stack)
}

// aboveGuard leaves out what is the same for every actor.
func aboveGuard(stack string) string {
	if i := strings.Index(stack, guardFrame); i >= 0 {
		last, _ := cutFrame(stack[i:])
		stack = stack[:i] + last
	}
	return strings.TrimRight(stack, "\n")
}

const guardFrame = "warren/supervision.(*guard)."

// cutFrame splits a stack behind its first frame: a line with the function, one with the place.
func cutFrame(stack string) (frame, rest string) {
	end := 0
	for range 2 {
		n := strings.IndexByte(stack[end:], '\n')
		if n < 0 {
			return stack, ""
		}
		end += n + 1
	}
	return stack[:end], stack[end:]
}
