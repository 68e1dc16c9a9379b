package protocol

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxReplyText is what a shortstr can carry.
const maxReplyText = 255

// Error is the client's fault. At the edge it becomes channel.close or connection.close, once, in one function.
type Error struct {
	Code   uint16 // a reply code
	Text   string // the explanation alone; ReplyText puts the code's name before it
	Class  uint16 // class id of the failing method, 0 when there is none
	Method uint16 // method id of the failing method, 0 when there is none
	// OnChannel says that it closes no more than the channel, whatever its code.
	OnChannel bool
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("amqp %d %s", e.Code, e.ReplyText())
}

// IsConnection tells whether the error closes the whole connection (a hard error). A soft error on channel 0 does so
// too: there is no channel to close, and only the caller knows the channel.
func (e *Error) IsConnection() bool {
	return !isSoft(e.Code) && !e.OnChannel
}

// ReplyText is the text for the close method: NAME - explanation, at most 255 bytes, "..." where it was cut.
//
// Differs: RabbitMQ cuts after 252 bytes whatever they are; we do not cut inside a UTF-8 sequence, since clients decode
// the text.
func (e *Error) ReplyText() string {
	text := ReplyName(e.Code)
	switch {
	case text == "":
		text = e.Text
	case e.Text != "":
		text += " - " + e.Text
	}
	if len(text) <= maxReplyText {
		return text
	}
	end := maxReplyText - len("...")
	for i := 0; i < utf8.UTFMax-1 && !utf8.RuneStart(text[end]); i++ {
		end--
	}
	return text[:end] + "..."
}

// At names the method that failed, and returns the error for chaining. A method that is already named stays.
func (e *Error) At(class, method uint16) *Error {
	if e.Class == 0 && e.Method == 0 {
		e.Class, e.Method = class, method
	}
	return e
}

// Errorf makes an error for a reply code that has no constructor of its own.
func Errorf(code uint16, format string, args ...any) *Error {
	if len(args) == 0 {
		return &Error{Code: code, Text: format}
	}
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Channel errors.

// ContentTooLarge is 311.
func ContentTooLarge(format string, args ...any) *Error {
	return Errorf(ReplyContentTooLarge, format, args...)
}

// AccessRefused is 403: no permission, or a reserved name.
func AccessRefused(format string, args ...any) *Error {
	return Errorf(ReplyAccessRefused, format, args...)
}

// NotFound is 404: an entity that does not exist.
func NotFound(format string, args ...any) *Error { return Errorf(ReplyNotFound, format, args...) }

// ResourceLocked is 405: another connection's exclusive queue.
func ResourceLocked(format string, args ...any) *Error {
	return Errorf(ReplyResourceLocked, format, args...)
}

// PreconditionFailed is 406: inequivalent arguments, unknown delivery tags, and most of what a client can get wrong.
func PreconditionFailed(format string, args ...any) *Error {
	return Errorf(ReplyPreconditionFailed, format, args...)
}

// Connection errors.

// ConnectionForced is 320: an operator closed the connection.
func ConnectionForced(format string, args ...any) *Error {
	return Errorf(ReplyConnectionForced, format, args...)
}

// InvalidPath is 402.
func InvalidPath(format string, args ...any) *Error { return Errorf(ReplyInvalidPath, format, args...) }

// FrameError is 501: a frame that could not be decoded.
func FrameError(format string, args ...any) *Error { return Errorf(ReplyFrameError, format, args...) }

// SyntaxError is 502: a field with an illegal value.
func SyntaxError(format string, args ...any) *Error { return Errorf(ReplySyntaxError, format, args...) }

// CommandInvalid is 503: methods in an order that makes no sense.
func CommandInvalid(format string, args ...any) *Error {
	return Errorf(ReplyCommandInvalid, format, args...)
}

// ChannelError is 504: a channel that is not open, or is open already.
func ChannelError(format string, args ...any) *Error {
	return Errorf(ReplyChannelError, format, args...)
}

// UnexpectedFrame is 505: a frame where the content of a method should have been, or the other way round.
func UnexpectedFrame(format string, args ...any) *Error {
	return Errorf(ReplyUnexpectedFrame, format, args...)
}

// ResourceError is 506: the broker has not enough of something.
func ResourceError(format string, args ...any) *Error {
	return Errorf(ReplyResourceError, format, args...)
}

// NotAllowed is 530: limits, unknown vhosts, reused consumer tags.
func NotAllowed(format string, args ...any) *Error { return Errorf(ReplyNotAllowed, format, args...) }

// NotImplemented is 540: what the protocol has and we do not.
func NotImplemented(format string, args ...any) *Error {
	return Errorf(ReplyNotImplemented, format, args...)
}

// InternalError is 541.
func InternalError(format string, args ...any) *Error {
	return Errorf(ReplyInternalError, format, args...)
}

// SetAside is 541 for the channel alone that has asked for what makes our actors fail, and its siblings have not. who is what failed.
func SetAside(who string) *Error {
	err := InternalError("what was asked for made the %s fail twice", who)
	err.OnChannel = true
	return err
}

// AsError returns the client's fault that err is. What parses bytes of clients returns no other kind; any other error
// is one of ours, and panics.
func AsError(err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		panic(fmt.Sprintf("protocol: not a client's fault: %v", err))
	}
	return e
}
