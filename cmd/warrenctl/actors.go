package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	adminv1 "warren/proto/admin/v1"
)

// actorsCommand shows the supervision tree and shakes it.
func (c *ctl) actorsCommand() *cobra.Command {
	actors := &cobra.Command{
		Use:   "actors",
		Short: "Shows the supervision tree and crashes actors in it",
		RunE: func(_ *cobra.Command, args []string) error {
			return usage("actors takes tree or crash, not '%s'", strings.Join(args, " "))
		},
	}
	actors.AddCommand(c.treeCommand(), c.crashCommand())
	return actors
}

func (c *ctl) treeCommand() *cobra.Command {
	item := (*adminv1.Actor)(nil)
	return &cobra.Command{
		Use:   "tree [COLUMN ...]",
		Short: "Shows every actor below its supervisor",
		Long:  "Shows every actor below its supervisor. COLUMN is one of " + strings.Join(columnNames(item), ", ") + ".",
		RunE: func(_ *cobra.Command, args []string) error {
			columns, err := chooseColumns(item, args)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				stream, err := client.ActorsTree(ctx, &adminv1.ActorsTreeRequest{})
				tree := receive(stream, err, (*adminv1.ActorsTreeResponse).GetActors)
				if c.formatter != "table" {
					return c.print(columns, tree)
				}
				c.banner("Listing actors ...")
				return printTree(c.out, columns, tree, !c.silent && !c.noHeaders)
			})
		},
	}
}

// printTree writes aligned columns with every path shortened to its last segment and moved below its supervisor's.
func printTree(out io.Writer, columns []column, tree iter.Seq2[proto.Message, error], header bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if header {
		_, _ = fmt.Fprintln(w, strings.Join(headers(columns), "\t"))
	}
	var above []string // the paths from the root to the actor before this one
	for item, err := range tree {
		if err != nil {
			return err
		}
		actor := item.(*adminv1.Actor)
		for len(above) > 0 && !strings.HasPrefix(actor.GetPath(), above[len(above)-1]+"/") {
			above = above[:len(above)-1]
		}
		path := actor.GetPath()
		if depth := len(above); depth > 0 {
			actor.Path = strings.Repeat("  ", depth) + path[len(above[depth-1])+1:]
		}
		// The first line of a reason; the rest of it is in the broker's log.
		actor.LastReason, _, _ = strings.Cut(actor.GetLastReason(), "\n")
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(texts(actor.ProtoReflect(), columns), "\t"), "\t"))
		above = append(above, path)
	}
	return w.Flush()
}

func (c *ctl) crashCommand() *cobra.Command {
	var count bool
	crash := &cobra.Command{
		Use:   "crash PATH",
		Short: "Makes an actor panic in its next turn",
		Long: `Makes the actor at PATH, as actors tree --formatter json shows it, panic in its next turn. Its supervisor restarts it as after any
other crash. The broker must run with chaos.enabled = true.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("actors crash takes one path")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner("Crashing actor " + args[0] + " ...")
				_, err := client.ActorsCrash(ctx, &adminv1.ActorsCrashRequest{Path: args[0], Count: count})
				return err
			})
		},
	}
	crash.Flags().BoolVar(&count, "count", false, "count the crash against the supervisor's intensity, as a real one")
	return crash
}
