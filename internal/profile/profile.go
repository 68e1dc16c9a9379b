// Package profile serves Go's profiles of this process over HTTP, for whoever wants to know where its time and memory go. It is off
// unless the configuration says where (pprof.listen), and then nothing of it is there.
package profile

import (
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// Server is a listening socket that serves profiles.
type Server struct {
	net.Listener
	http http.Server
}

// Serve listens at once and serves until Close.
func Serve(address string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index) // of the named ones, too: heap, goroutine, mutex
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	s := &Server{Listener: l, http: http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.http.Serve(l) }() // ends with Close
	return s, nil
}

// Close ends what is being served.
func (s *Server) Close() error { return s.http.Close() }
