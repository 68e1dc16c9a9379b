package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"warren/internal/admin"
	adminv1 "warren/proto/admin/v1"
)

// stopCommand waits for the broker's end, which the end of its socket tells: what runs after warrenctl stop finds it stopped.
func (c *ctl) stopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stops the broker and waits until it is stopped",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				// A connection of its own to watch: the stop may end the one it came on before it is answered.
				watch, err := admin.Dial(c.dataDir)
				if err != nil {
					return err
				}
				defer func() { _ = watch.Close() }()
				if _, err := adminv1.NewAdminServiceClient(watch).Status(ctx, &adminv1.StatusRequest{}); err != nil {
					return err
				}

				c.banner("Stopping the broker in " + c.dataDir + " ...")
				if _, err := client.Stop(ctx, &adminv1.StopRequest{}); err != nil {
					return err
				}
				if !watch.WaitForStateChange(ctx, connectivity.Ready) {
					return status.Error(codes.DeadlineExceeded, fmt.Sprintf("the broker in %s is still stopping", c.dataDir))
				}
				return nil
			})
		},
	}
}
