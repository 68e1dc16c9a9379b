package main

import (
	"context"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

// restartQueueCommand has no model in rabbitmqctl, which can restart a whole vhost (restart_vhost) or a replica of a stream
// (rabbitmq-streams restart_stream), but no classic queue.
func (c *ctl) restartQueueCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restart_queue QUEUE",
		Short: "Starts a queue that crashed too often, with what it holds",
		Args:  oneArgument("the queue's name"),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Restarting queue '" + args[0] + "' in vhost '%[1]s' ...")
				_, err := client.RestartQueue(ctx, &adminv1.RestartQueueRequest{Vhost: c.vhost, Name: args[0]})
				return err
			})
		},
	}
}
