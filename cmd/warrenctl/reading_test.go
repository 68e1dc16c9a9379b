package main

import (
	"strings"
	"testing"

	adminv1 "warren/proto/admin/v1"
)

// Issue 3, progress: a recovery that takes long says how far it is.
func TestReadingText(t *testing.T) {
	r := &adminv1.JournalReading{Segments: 3, OfSegments: 10, Bytes: 30, OfBytes: 100}
	want := "the broker is starting, it has read 3 of 10 segments (30 of 100 bytes)"
	if got := journalText(&adminv1.JournalStatusResponse{State: "reading", Reading: r}); got != "State: "+want+"\n" {
		t.Error(got)
	}
	r.OfStreams = 5
	if got := statusText(&adminv1.StatusResponse{Reading: r}); !strings.HasPrefix(got, "Start\n\n"+want+" and 0 of 5 streams\n\nRuntime\n") {
		t.Error(got)
	}
}
