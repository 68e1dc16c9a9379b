package connection

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"warren/protocol/amqp091"
)

// overTLS is both ends of a socket with TLS on it.
func overTLS(t *testing.T) (ours, theirs net.Conn) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = net.Pipe()
	server := tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}})
	client := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return secureConn{server}, client
}

func TestRestingReaderTakesWhatIsCut(t *testing.T) {
	// P-11, A-15: a reader that rests counts a heartbeat that comes in two pieces, however long there is nothing between them, and whatever
	// else comes in pieces; with TLS as well. When nothing comes any more, it rests again.
	for _, secure := range []bool{false, true} {
		for cut := 1; cut < len(heartbeat); cut++ {
			t.Run(fmt.Sprintf("TLS %v, %d bytes first", secure, cut), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ours, theirs := net.Pipe()
					if secure {
						ours, theirs = overTLS(t)
					}
					r, in := readerOf(little(), ours)
					rests := func() {
						for range 3 {
							r.transport.rest()
							time.Sleep(time.Second) // of the bubble
							synctest.Wait()
						}
					}
					sent := int64(0)
					write := func(b []byte) {
						n, err := theirs.Write(b)
						if err != nil {
							t.Fatalf("the socket is closed: %v", err)
						}
						sent += int64(n)
						synctest.Wait()
						if got := r.transport.received.Load(); got != sent {
							t.Fatalf("%d of %d bytes are received", got, sent)
						}
					}
					write(amqp091.AppendMethod(nil, 1, &amqp091.ChannelOpen{}))
					body := strings.Repeat("x", 600)
					message := string((&script{frameMax: 131072}).publish(1, "x", "k", body).b)
					for _, whole := range []string{heartbeat, heartbeat + heartbeat, message, message + heartbeat, heartbeat + message} {
						rests()
						if r.transport.slab.Load() {
							t.Fatal("it does not rest")
						}
						write([]byte(whole[:cut]))
						rests()
						write([]byte(whole[cut:]))
					}
					if got := bodies(in); len(got) != 3 || got[0] != body || got[1] != body || got[2] != body {
						t.Fatalf("%d messages", len(got))
					}
					in.Close()
					_ = theirs.Close()
					time.Sleep(time.Minute)
					synctest.Wait()
				})
			})
		}
	}
}
