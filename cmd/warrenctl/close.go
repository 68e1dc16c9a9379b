package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

func (c *ctl) closeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close_connection PID REASON",
		Short: "Closes a connection; list_connections pid shows them",
		Args:  arguments(2, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.close("Closing connection "+args[0]+", reason: "+args[1]+"...", "",
				&adminv1.CloseConnectionsRequest{Which: &adminv1.CloseConnectionsRequest_Pid{Pid: args[0]}, Reason: args[1]})
		},
	}
}

func (c *ctl) closeAllCommand() *cobra.Command {
	var global bool
	var delay, limit int64
	command := &cobra.Command{
		Use:   "close_all_connections REASON",
		Short: "Closes every connection of the vhost -p, or with --global of the broker",
		Args:  arguments(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if delay < 0 || limit < 0 {
				return usage("--per-connection-delay and --limit must be 0 or more")
			}
			r := &adminv1.CloseConnectionsRequest{Reason: args[0], Delay: delay, Limit: limit}
			r.Which = &adminv1.CloseConnectionsRequest_Vhost{Vhost: c.vhost}
			banner := "Closing all connections to vhost " + c.vhost + ", reason: " + args[0] + "..."
			switch {
			case global:
				r.Which, r.Limit = &adminv1.CloseConnectionsRequest_All{All: true}, 0
				banner = "Closing all connections to the broker, reason: " + args[0] + "..."
			case limit > 0:
				banner = fmt.Sprintf("Closing %d connections to vhost %s, reason: %s...", limit, c.vhost, args[0])
			}
			return c.close(banner, "Closed %d connections", r)
		},
	}
	command.Flags().BoolVar(&global, "global", false, "of all vhosts")
	command.Flags().Int64Var(&delay, "per-connection-delay", 0, "milliseconds between two of them")
	command.Flags().Int64Var(&limit, "limit", 0, "at most so many; 0 for all")
	return command
}

func (c *ctl) closeUserCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close_all_user_connections USER REASON",
		Short: "Closes every connection of a user",
		Args:  arguments(2, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.close("Closing connections of user "+args[0]+", reason: "+args[1]+"...", "",
				&adminv1.CloseConnectionsRequest{Which: &adminv1.CloseConnectionsRequest_User{User: args[0]}, Reason: args[1]})
		},
	}
}

// close asks for connections to be closed; done says how many there were.
func (c *ctl) close(banner, done string, r *adminv1.CloseConnectionsRequest) error {
	return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
		c.banner(banner)
		answer, err := client.CloseConnections(ctx, r)
		if err != nil || done == "" {
			return err
		}
		c.banner(fmt.Sprintf(done, answer.GetClosed()))
		return nil
	})
}
