package node

import "fmt"

// Error is what was wrong with a command, in RabbitMQ's words.
type Error struct {
	Reason Reason
	Text   string
}

func (e *Error) Error() string { return e.Text }

// Reason is what kind of thing was wrong: the tools tell them apart by their exit codes.
type Reason uint8

const (
	Invalid     Reason = iota // the command makes no sense
	NoSuchUser                // it is about a user that there is not
	NoSuchVHost               // it is about a vhost that there is not
	Exists                    // what it makes is there
)

func invalid(format string, arguments ...any) *Error {
	return &Error{Invalid, fmt.Sprintf(format, arguments...)}
}

func noSuchUser(name string) *Error {
	return &Error{NoSuchUser, fmt.Sprintf("User \"%s\" does not exist", name)}
}

func noSuchVHost(name string) *Error {
	return &Error{NoSuchVHost, fmt.Sprintf("Virtual host '%s' does not exist", name)}
}
