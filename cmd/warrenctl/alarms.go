package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"warren/internal/config"
	adminv1 "warren/proto/admin/v1"
)

// Alarms and their marks (contract A-07): rabbitmqctl set_vm_memory_high_watermark and set_disk_free_limit, and alarms of
// rabbitmq-diagnostics. What is set holds until the broker stops.

func (c *ctl) memoryMarkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set_vm_memory_high_watermark FRACTION | absolute BYTES",
		Short: "Sets where publishers are blocked, until the broker stops",
		Args:  arguments(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			r, to, err := memoryMark(args)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Setting memory threshold to " + to + " ...")
				_, err := client.SetMemoryHighWatermark(ctx, r)
				return err
			})
		},
	}
}

func memoryMark(args []string) (*adminv1.SetMemoryHighWatermarkRequest, string, error) {
	if len(args) == 2 {
		bytes, ok := config.ParseSize(args[1])
		if args[0] != "absolute" || !ok {
			return nil, "", usage("'%s %s': it takes a fraction, or absolute and bytes, also with a unit such as 2GB or 2GiB", args[0], args[1])
		}
		return &adminv1.SetMemoryHighWatermarkRequest{Mark: &adminv1.SetMemoryHighWatermarkRequest_Absolute{Absolute: bytes}}, args[1] + " bytes", nil
	}
	share, err := strconv.ParseFloat(args[0], 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return nil, "", usage("'%s' is no fraction of the memory from 0.0 to 1.0, such as 0.4; bytes are: absolute 2GB", args[0])
	}
	return &adminv1.SetMemoryHighWatermarkRequest{Mark: &adminv1.SetMemoryHighWatermarkRequest_Relative{Relative: share}}, args[0], nil
}

func (c *ctl) diskLimitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set_disk_free_limit BYTES | mem_relative FACTOR",
		Short: "Sets how much of the disk must be free, until the broker stops",
		Args:  arguments(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			r, to, err := diskLimit(args)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Setting disk free limit to " + to + " ...")
				_, err := client.SetDiskFreeLimit(ctx, r)
				return err
			})
		},
	}
}

// diskTimes is how many times the memory a limit may be at most: beyond, somebody meant bytes.
const diskTimes = 1000

func diskLimit(args []string) (*adminv1.SetDiskFreeLimitRequest, string, error) {
	if len(args) == 2 {
		factor, err := strconv.ParseFloat(args[1], 64)
		if args[0] != "mem_relative" || err != nil || !(factor >= 0 && factor <= diskTimes) {
			return nil, "", usage("'%s %s': it takes bytes, or mem_relative and a factor from 0.0 to %d, such as 1.5", args[0], args[1], diskTimes)
		}
		return &adminv1.SetDiskFreeLimitRequest{Limit: &adminv1.SetDiskFreeLimitRequest_MemRelative{MemRelative: factor}},
			args[1] + " times the total RAM", nil
	}
	bytes, ok := config.ParseSize(args[0])
	if !ok {
		return nil, "", usage("'%s' is no number of bytes, such as 2000000000, 2GB or 2GiB; or: mem_relative 1.5", args[0])
	}
	return &adminv1.SetDiskFreeLimitRequest{Limit: &adminv1.SetDiskFreeLimitRequest_Absolute{Absolute: bytes}}, args[0] + " bytes", nil
}

func (c *ctl) alarmsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "alarms",
		Aliases: []string{"list_alarms"},
		Short:   "Lists the alarms that are up",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				s, err := client.Status(ctx, &adminv1.StatusRequest{})
				if err != nil {
					return err
				}
				if c.formatter == "json" {
					encoded, err := encode(map[string]any{"alarms": append([]string{}, s.GetAlarms()...)})
					if err != nil {
						return err
					}
					_, err = fmt.Fprintf(c.out, "%s\n", encoded)
					return err
				}
				if len(s.GetAlarms()) == 0 {
					_, err := fmt.Fprintf(c.out, "Node %s reported no alarms, local or clusterwide\n", s.GetClusterName())
					return err
				}
				c.banner("Node " + s.GetClusterName() + " reported the following alarms:")
				for _, a := range s.GetAlarms() {
					if _, err := fmt.Fprintln(c.out, a); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}
