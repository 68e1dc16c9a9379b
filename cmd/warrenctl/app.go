package main

import (
	"context"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

// rabbitmqctl stop_app and start_app: the broker without its process. Both return when it is done.

func (c *ctl) stopAppCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop_app",
		Short: "Stops the broker, not its process: start_app starts it again",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Stopping the broker in " + c.dataDir + " ...")
				_, err := client.StopApp(ctx, &adminv1.StopAppRequest{})
				return err
			})
		},
	}
}

func (c *ctl) startAppCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "start_app",
		Short: "Starts a broker that stop_app has stopped",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Starting the broker in " + c.dataDir + " ...")
				_, err := client.StartApp(ctx, &adminv1.StartAppRequest{})
				return err
			})
		},
	}
}
