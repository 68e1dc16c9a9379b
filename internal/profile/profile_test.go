package profile

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// docs/configuration.md, pprof.listen: profiles are there while it serves, and the port is free again behind it.
func TestServe(t *testing.T) {
	s, err := Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := s.Addr().String()
	if _, err := Serve(address); err == nil {
		t.Error("a port that is taken was taken again")
	}
	for path, want := range map[string]string{
		"/debug/pprof/": "heap", "/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/heap?debug=1": "heap profile",
	} {
		r, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v, %.80s", path, r.Status, err, body)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}
