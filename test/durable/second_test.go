package durable

import (
	"strings"
	"testing"

	"warren/test/broker"
)

// Issue 3: a second process on the same directory is refused, in one line that says by whom.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	b := broker.Start(t)
	second, err := broker.TryStart(t, broker.DataDir(b.DataDir))
	if err == nil {
		second.Kill(t)
		t.Fatal("two brokers share a directory")
	}
	said := refusal(t, err)
	if len(said) != 1 || !strings.Contains(said[0], "warren: ") || !strings.Contains(said[0], "held by process") {
		t.Fatalf("not one clear line:\n%s", strings.Join(said, "\n"))
	}
	ch := channelOn(t, connect(t, b.URI())) // the first goes on
	must(t, ch.Confirm(false))
	_, err = ch.QueueDeclare("q", true, false, false, false, nil)
	must(t, err)
	must(t, putSafe(ch, newBook(), "", "q", id{"p", 1}, nil))
	b.Stop(t)
	b.Restart(t) // and has left the directory as it should be
}

// refusal is what a broker said that did not start: status 1, no stack, nothing of the race detector.
func refusal(t *testing.T, err error) []string {
	t.Helper()
	head, said, _ := strings.Cut(err.Error(), "\n")
	if !strings.Contains(head, "exit status 1") {
		t.Fatalf("ended otherwise than by a refusal:\n%v", err)
	}
	for _, trace := range []string{"goroutine ", "panic", ".go:", "DATA RACE"} {
		if strings.Contains(said, trace) {
			t.Fatalf("a trace instead of a reason:\n%v", err)
		}
	}
	return strings.Split(strings.TrimSpace(said), "\n")
}
