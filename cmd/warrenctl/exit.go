package main

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren/internal/admin"
)

// Exit codes of rabbitmqctl, which has them from sysexits(3).
const (
	exitOK          = 0
	exitUsage       = 64 // the command line is wrong
	exitDataError   = 65 // no such vhost, no such actor; a damaged journal, definitions that cannot be imported
	exitNoUser      = 67 // no such user
	exitUnavailable = 69 // no broker there, or it refuses
	exitSoftware    = 70 // a fault of the broker or of warrenctl; what is to be made is there already
	exitTempFail    = 75 // no answer in time
)

// dataError is something wrong with what the command was given to look at.
type dataError struct{ error }

// usageError is a wrong command line.
type usageError struct{ error }

func usage(format string, arguments ...any) error {
	return usageError{fmt.Errorf(format, arguments...)}
}

// explain turns an error into what the user is told and the exit code.
func (c *ctl) explain(err error) (code int, text string) {
	s, answered := status.FromError(err)
	switch {
	case errors.As(err, new(usageError)) || !c.parsed:
		return exitUsage, fmt.Sprintf("Error (argument validation): %v\nSee warrenctl help.", err)
	case errors.As(err, new(dataError)):
		return exitDataError, fmt.Sprintf("Error:\n%v", err)
	case !answered:
		return exitSoftware, fmt.Sprintf("Error: %v", err)
	}
	switch s.Code() {
	case codes.Unavailable:
		return exitUnavailable, fmt.Sprintf(`Error: unable to perform an operation on the broker in %s.

Most common reasons for this are:

 * The broker is not running
 * It keeps its data elsewhere: name the place with --data-dir or WARREN_DATA_DIR
 * It runs as another user, who alone may open %s

%s`, c.dataDir, admin.SocketPath(c.dataDir), s.Message())
	case codes.DeadlineExceeded:
		return exitTempFail, fmt.Sprintf("Error: the operation on the broker in %s timed out. Timeout value used: %v", c.dataDir, c.timeout())
	case codes.NotFound, codes.InvalidArgument:
		return exitDataError, "Error:\n" + s.Message()
	case codes.Unauthenticated:
		return exitNoUser, "Error:\n" + s.Message()
	case codes.AlreadyExists:
		return exitSoftware, "Error:\n" + s.Message()
	case codes.FailedPrecondition:
		return exitUnavailable, "Error:\n" + s.Message()
	case codes.Unimplemented:
		return exitUnavailable, "Error: the running broker does not know this command: it is of another version than warrenctl"
	}
	return exitSoftware, "Error: " + s.Message()
}
