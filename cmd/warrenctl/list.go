package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	adminv1 "warren/proto/admin/v1"
)

// list is one of rabbitmqctl's list commands.
type list struct {
	name, short string
	// What is listed. Its fields are the columns.
	item protoreflect.ProtoMessage
	// The columns when none are named; all when empty.
	defaults string
	// What stands above the list; %[1]s is the vhost, %[2]s the timeout in seconds.
	banner string
	fetch  func(ctx context.Context, client adminv1.AdminServiceClient, vhost string) iter.Seq2[proto.Message, error]
}

var lists = []list{
	{
		"list_connections", "Lists AMQP connections", (*adminv1.Connection)(nil), "user peer_host peer_port state", "Listing connections ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, _ string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListConnections(ctx, &adminv1.ListConnectionsRequest{})
			return receive(stream, err, (*adminv1.ListConnectionsResponse).GetConnections)
		},
	},
	{
		"list_channels", "Lists channels", (*adminv1.Channel)(nil), "pid user consumer_count messages_unacknowledged", "Listing channels ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, _ string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListChannels(ctx, &adminv1.ListChannelsRequest{})
			return receive(stream, err, (*adminv1.ListChannelsResponse).GetChannels)
		},
	},
	{
		"list_exchanges", "Lists exchanges", (*adminv1.Exchange)(nil), "name type", "Listing exchanges for vhost %[1]s ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, vhost string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListExchanges(ctx, &adminv1.ListExchangesRequest{Vhost: vhost})
			return receive(stream, err, (*adminv1.ListExchangesResponse).GetExchanges)
		},
	},
	{
		"list_queues", "Lists queues", (*adminv1.Queue)(nil), "name messages", "Timeout: %[2]s seconds ...\nListing queues for vhost %[1]s ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, vhost string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListQueues(ctx, &adminv1.ListQueuesRequest{Vhost: vhost})
			return receive(stream, err, (*adminv1.ListQueuesResponse).GetQueues)
		},
	},
	{
		"list_bindings", "Lists bindings", (*adminv1.Binding)(nil), "", "Listing bindings for vhost %[1]s...",
		func(ctx context.Context, client adminv1.AdminServiceClient, vhost string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListBindings(ctx, &adminv1.ListBindingsRequest{Vhost: vhost})
			return receive(stream, err, (*adminv1.ListBindingsResponse).GetBindings)
		},
	},
	{
		"list_consumers", "Lists consumers", (*adminv1.Consumer)(nil),
		"queue_name channel_pid consumer_tag ack_required prefetch_count active arguments", "Listing consumers in vhost %[1]s ...",
		func(ctx context.Context, client adminv1.AdminServiceClient, vhost string) iter.Seq2[proto.Message, error] {
			stream, err := client.ListConsumers(ctx, &adminv1.ListConsumersRequest{Vhost: vhost})
			return receive(stream, err, (*adminv1.ListConsumersResponse).GetConsumers)
		},
	},
}

func (c *ctl) listCommand(l list) *cobra.Command {
	return &cobra.Command{
		Use:   l.name + " [COLUMN ...]",
		Short: l.short,
		Long:  l.short + ". COLUMN is one of " + strings.Join(columnNames(l.item), ", ") + ".",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = strings.Fields(l.defaults)
			}
			columns, err := chooseColumns(l.item, args)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner(l.banner)
				return c.print(columns, l.fetch(ctx, client, c.vhost))
			})
		},
	}
}

// banner is for people: RabbitMQ leaves it out when a machine reads.
func (c *ctl) banner(text string) {
	if c.quiet || c.silent || c.formatter != "table" {
		return
	}
	timeout := "infinity"
	if c.timeoutSeconds > 0 {
		timeout = fmt.Sprintf("%d.0", c.timeoutSeconds)
	}
	text = strings.NewReplacer("%[1]s", c.vhost, "%[2]s", timeout).Replace(text)
	_, _ = fmt.Fprintln(c.out, text)
}

// print writes the rows as they come.
func (c *ctl) print(columns []column, items iter.Seq2[proto.Message, error]) error {
	f := formatters[c.formatter](c.out, columns, !c.silent && !c.noHeaders)
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := f.row(item.ProtoReflect()); err != nil {
			return err
		}
	}
	return f.end()
}

// receive turns a stream of pieces into their items; err is what opening the stream said.
func receive[Response any, Item proto.Message](
	stream grpc.ServerStreamingClient[Response], err error, items func(*Response) []Item,
) iter.Seq2[proto.Message, error] {
	return func(yield func(proto.Message, error) bool) {
		for err == nil {
			var piece *Response
			if piece, err = stream.Recv(); err != nil {
				break
			}
			for _, item := range items(piece) {
				if !yield(item, nil) {
					return
				}
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, err)
		}
	}
}
