package main

import (
	"context"
	"iter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "warren/proto/admin/v1"
)

// crashOptions are those of actors crash.
type crashOptions struct {
	count, hang bool
	match       string
	every, last time.Duration
}

func (c *ctl) crashCommand() *cobra.Command {
	var o crashOptions
	crash := &cobra.Command{
		Use:   "crash PATH | crash --match GLOB --every DURATION --for DURATION",
		Short: "Makes actors panic in their next turn",
		Long: `Makes the actor at PATH, as actors tree --formatter json shows it, panic in its next turn. Its supervisor restarts it as after any
other crash. With --match it is a random actor each time, supervisors aside, whose path matches the glob: * stands for any run of
characters, slashes too, and ? for one. In the end it says how many of each kind it crashed.
The broker must run with chaos.enabled = true.`,
		Args: func(command *cobra.Command, args []string) error {
			matching := command.Flags().Changed("match")
			switch {
			case !matching && (command.Flags().Changed("every") || command.Flags().Changed("for")):
				return usage("--every and --for go with --match")
			case !matching && len(args) != 1:
				return usage("actors crash takes one path, or --match")
			case matching && len(args) > 0:
				return usage("actors crash takes a path or --match, not both")
			case matching && o.hang:
				return usage("--hang takes a path, not --match")
			case matching && (o.every <= 0 || o.last <= 0):
				return usage("--every %v --for %v: both must be more than nothing", o.every, o.last)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.shake(o)
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Crashing actor " + args[0] + " ...")
				_, err := client.ActorsCrash(ctx, &adminv1.ActorsCrashRequest{Path: args[0], Count: o.count, Hang: o.hang})
				return err
			})
		},
	}
	crash.Flags().BoolVar(&o.count, "count", false, "count the crashes against the supervisor's intensity, as real ones")
	crash.Flags().BoolVar(&o.hang, "hang", false, "a turn without an end instead of a panic, until the actor is replaced")
	crash.Flags().StringVar(&o.match, "match", "", "crash random actors whose path matches this glob")
	crash.Flags().DurationVar(&o.every, "every", 20*time.Millisecond, "with --match: the time between two crashes")
	crash.Flags().DurationVar(&o.last, "for", 10*time.Second, "with --match: how long")
	return crash
}

// shake takes as long as it was told to; the timeout is for what it takes beyond that.
func (c *ctl) shake(o crashOptions) error {
	if c.timeoutSeconds > 0 {
		c.timeoutSeconds += int(o.last/time.Second) + 1
	}
	columns, err := chooseColumns((*adminv1.Shaken)(nil), nil)
	if err != nil {
		return err
	}
	return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
		c.banner("Crashing actors that match " + o.match + " ...")
		done, err := client.ActorsShake(ctx, &adminv1.ActorsShakeRequest{
			Match: o.match, Every: durationpb.New(o.every), For: durationpb.New(o.last), Count: o.count,
		})
		if err != nil {
			return err
		}
		return c.print(columns, each(done.GetShaken()))
	})
}

// each makes rows of what came in one answer.
func each[Item proto.Message](items []Item) iter.Seq2[proto.Message, error] {
	return func(yield func(proto.Message, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}
