package main

import (
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"
)

// floorCommand measures a relay with the very bytes a producer would write: the cost no broker can go below on this machine.
func floorCommand() *cobra.Command {
	var o options
	var through string
	c := &cobra.Command{
		Use: "floor", Hidden: true, Args: cobra.NoArgs,
		Short: "send publishes through a relay and count them at the other end",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			s, err := floor(&o, through)
			if err != nil {
				return err
			}
			if o.json {
				return s.json(c.OutOrStdout())
			}
			s.text(c.OutOrStdout())
			return nil
		},
	}
	o.register(c.Flags())
	c.Flags().StringVar(&through, "through", "", "the relay's address")
	return c
}

func floor(o *options, through string) (summary, error) {
	in, err := net.Dial("tcp", through)
	if err != nil {
		return summary{}, err
	}
	defer in.Close()
	out, err := net.Dial("tcp", through)
	if err != nil {
		return summary{}, err
	}
	b := newBatch(publication{key: o.queue, bodyBytes: o.bodyBytes}, 131072, o.writeBytes, maxBatchMessages)
	received := make(chan int64, 1)
	go func() {
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{out}, make([]byte, readBufferBytes))
		received <- n
	}()
	m := newMeter(nil, nil, o.pid)
	var published int64
	for end := time.Now().Add(o.duration); time.Now().Before(end); published += int64(b.messages) {
		if _, err := in.Write(b.bytes); err != nil {
			return summary{}, err
		}
	}
	in.Close()
	now := m.sample()
	now.published = published
	now.received = <-received / int64(b.stride)
	return m.summary(now), nil
}
