package main

import (
	"io"
	"net"
	"strings"
	"testing"
)

func TestRelayPairsConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- relay{bufferBytes: 8}.serve(l) }()
	in, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("abc", 100)
	if _, err := io.WriteString(in, text); err != nil {
		t.Fatal(err)
	}
	in.Close()
	got, err := io.ReadAll(out)
	if err != nil || string(got) != text {
		t.Fatalf("got %q, %v", got, err)
	}
	l.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
