package flow

import (
	"net"
	"sync"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

// P-09, A-22: 2000 connections that say nothing, or too little too slowly, hold nobody up and are gone at handshake_timeout.
func TestSilentCrowd(t *testing.T) {
	const crowd, timeout = 2000, 4 * time.Second
	b := broker.Start(t, broker.Set("handshake_timeout", "4000"))
	calm := connectTo(t, b.URI())
	nothingLeftBehind(t, b, func() {
		ended := make([]time.Duration, crowd)
		conns := make([]net.Conn, crowd)
		began := make([]time.Time, crowd)
		for i := range conns {
			c, err := net.Dial("tcp", b.Addr)
			must(t, err)
			defer c.Close()
			conns[i], began[i] = c, time.Now()
		}
		var all sync.WaitGroup
		for i, c := range conns {
			all.Go(func() {
				switch i % 3 {
				case 1: // half a header
					_, _ = c.Write(raw.Header[:5])
				case 2: // one byte at a time, and never the last
					go func() {
						for _, b := range raw.Header[:7] {
							<-time.After(timeout / 5)
							if _, err := c.Write([]byte{b}); err != nil {
								return
							}
						}
					}()
				}
				_ = c.SetReadDeadline(time.Now().Add(4 * timeout))
				_, _ = c.Read(make([]byte, 1))
				ended[i] = time.Since(began[i])
			})
		}
		t.Run("P-09 others are served meanwhile", func(t *testing.T) {
			alive(t, connectTo(t, b.URI()))
			alive(t, calm)
		})
		all.Wait()
		t.Run("P-09 all of them are gone at handshake_timeout", func(t *testing.T) {
			for i, took := range ended {
				if took < timeout-time.Second || took > 3*timeout {
					t.Fatalf("connection %d was closed after %v", i, took)
				}
			}
		})
	})
}
