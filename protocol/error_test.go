package protocol

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Contract P-20: which reply codes close a channel and which close the connection.
func TestErrorClosesChannelOrConnection(t *testing.T) {
	soft := []*Error{ContentTooLarge(""), Errorf(ReplyNoRoute, ""), Errorf(ReplyNoConsumers, ""), AccessRefused(""), NotFound(""),
		ResourceLocked(""), PreconditionFailed("")}
	hard := []*Error{ConnectionForced(""), InvalidPath(""), FrameError(""), SyntaxError(""), CommandInvalid(""), ChannelError(""),
		UnexpectedFrame(""), ResourceError(""), NotAllowed(""), NotImplemented(""), InternalError(""), Errorf(999, "")}
	for _, e := range soft {
		if e.IsConnection() {
			t.Errorf("%d closes the connection", e.Code)
		}
	}
	for _, e := range hard {
		if !e.IsConnection() {
			t.Errorf("%d closes only the channel", e.Code)
		}
	}
}

// Contract P-21: NAME - explanation, at most 255 bytes with "..." where it was cut, and the ids of the failing method.
func TestReplyText(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		err  *Error
		want string
	}{
		{NotFound("no %s '%s' in vhost '%s'", "queue", "q", "/"), "NOT_FOUND - no queue 'q' in vhost '/'"},
		{NotImplemented("active=false"), "NOT_IMPLEMENTED - active=false"},
		{ConnectionForced("%d%%", 100), "CONNECTION_FORCED - 100%"},
		{InternalError(""), "INTERNAL_ERROR"},
		{Errorf(999, "odd"), "odd"},
		{NotFound("%s", long), ("NOT_FOUND - " + long)[:252] + "..."},
		{NotFound("%s", long[:255-12]), "NOT_FOUND - " + long[:255-12]},
	} {
		if got := c.err.ReplyText(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	for pad := range 4 {
		got := NotFound("%s%s", long[:pad], strings.Repeat("é漢😀", 60)).ReplyText()
		if !utf8.ValidString(got) || len(got) > 255 || len(got) < 252 || !strings.HasSuffix(got, "...") {
			t.Errorf("cut to %d bytes, %q", len(got), got)
		}
	}
	if e := NotFound("x").At(50, 10).At(60, 40); e.Class != 50 || e.Method != 10 {
		t.Errorf("failing method %d.%d, want the first that was named", e.Class, e.Method)
	}
	if got := NotFound("x").Error(); got != "amqp 404 NOT_FOUND - x" {
		t.Error(got)
	}
}
