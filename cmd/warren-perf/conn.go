package main

import (
	"fmt"
	"io"
	"net"
	"time"
)

// channelID is the only channel a connection of ours opens.
const channelID = 1

// readBufferBytes is what one read(2) of a consumer may bring.
const readBufferBytes = 256 << 10

// amqpConn is a connection with one open channel. Set-up talks in calls; after it the owner takes over the socket.
type amqpConn struct {
	net.Conn
	frameMax int
}

const setupTimeout = 15 * time.Second

func dial(e endpoint, name string) (*amqpConn, error) {
	socket, err := net.DialTimeout("tcp", e.address, setupTimeout)
	if err != nil {
		return nil, err
	}
	c := &amqpConn{Conn: socket, frameMax: 8192}
	if err := c.handshake(e, name); err != nil {
		socket.Close()
		return nil, fmt.Errorf("handshake with %s: %w", e.address, err)
	}
	return c, nil
}

func (c *amqpConn) handshake(e endpoint, name string) error {
	if _, err := c.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return err
	}
	if _, err := c.await(0, connectionStart); err != nil {
		return err
	}
	var startOk encoder
	startOk.method(connectionStartOk)
	startOk.table(fieldTable{
		"product":         "warren-perf",
		"connection_name": name,
		"capabilities":    fieldTable{"authentication_failure_close": true, "connection.blocked": true, "basic.nack": true, "publisher_confirms": true},
	})
	startOk.shortStr("PLAIN")
	startOk.longStr("\x00" + e.user + "\x00" + e.password)
	startOk.shortStr("en_US")
	tune, err := c.call(0, startOk, connectionTune)
	if err != nil {
		return err
	}
	if len(tune) < 12 {
		return fmt.Errorf("connection.tune of %d bytes", len(tune))
	}
	channelMax, frameMax := bigEndian.Uint16(tune[4:]), bigEndian.Uint32(tune[6:])
	if frameMax == 0 || frameMax > 131072 {
		frameMax = 131072
	}
	c.frameMax = int(frameMax)
	var tuneOk encoder
	tuneOk.method(connectionTuneOk)
	tuneOk.short(channelMax)
	tuneOk.long(frameMax)
	tuneOk.short(0) // no heartbeats: a paused consumer shall stay connected
	if err := c.send(0, tuneOk); err != nil {
		return err
	}
	var open encoder
	open.method(connectionOpen)
	open.shortStr(e.vhost)
	open.shortStr("")
	open.octet(0)
	if _, err := c.call(0, open, connectionOpenOk); err != nil {
		return err
	}
	var channel encoder
	channel.method(channelOpen)
	channel.shortStr("")
	_, err = c.call(channelID, channel, channelOpenOk)
	return err
}

func (c *amqpConn) send(channel uint16, payload []byte) error {
	_, err := c.Write(appendFrame(nil, frameMethod, channel, payload))
	return err
}

// call sends a method and waits for its answer, whose payload it returns.
func (c *amqpConn) call(channel uint16, payload []byte, answer method) ([]byte, error) {
	if err := c.send(channel, payload); err != nil {
		return nil, err
	}
	return c.await(channel, answer)
}

// await reads frame by frame, never a byte more, so that the socket can be handed on afterwards.
func (c *amqpConn) await(channel uint16, answer method) ([]byte, error) {
	if err := c.SetReadDeadline(time.Now().Add(setupTimeout)); err != nil {
		return nil, err
	}
	defer c.SetReadDeadline(time.Time{})
	for {
		var head [frameHeaderSize]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return nil, err
		}
		rest := make([]byte, bigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(c, rest); err != nil {
			return nil, err
		}
		if head[0] != frameMethod || len(rest) < 5 {
			continue
		}
		payload := rest[:len(rest)-1]
		switch got := method(bigEndian.Uint32(payload)); {
		case got == connectionClose || got == channelClose:
			return nil, closeError(payload)
		case got == answer && bigEndian.Uint16(head[1:]) == channel:
			return payload, nil
		}
	}
}
