package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"
)

// relay copies bytes from socket to socket and does nothing else: the floor below every broker. It takes connections in pairs:
// what the first of a pair sends, the second receives.
type relay struct{ bufferBytes int }

func relayCommand() *cobra.Command {
	var listen string
	var r relay
	c := &cobra.Command{
		Use: "relay", Hidden: true, Args: cobra.NoArgs,
		Short: "copy bytes from every odd connection to the next even one",
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "listening address=%s\n", l.Addr())
			context.AfterFunc(c.Context(), func() { l.Close() })
			return r.serve(l)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "where to listen")
	c.Flags().IntVar(&r.bufferBytes, "buffer", 128<<10, "bytes per read")
	return c
}

func (r relay) serve(l net.Listener) error {
	for {
		from, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("relay: accept: %w", err)
		}
		to, err := l.Accept()
		if err != nil {
			from.Close()
			continue
		}
		go r.copy(to, from) // ends with its sockets, or with the process
	}
}

// copy hides both ends' ReadFrom and WriteTo: splice(2) would move pages without touching a byte, which no broker can.
func (r relay) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	_, _ = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, r.bufferBytes))
}
