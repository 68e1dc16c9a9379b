package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	adminv1 "warren/proto/admin/v1"
)

// treeOptions are those of actors tree.
type treeOptions struct {
	stack bool
	watch time.Duration // 0: once
}

// treeDefaults are all columns but the stack, which is none for a table.
const treeDefaults = "path kind strategy restart state incarnation restarts mailbox_length uptime last_reason"

func (c *ctl) treeCommand() *cobra.Command {
	item := (*adminv1.Actor)(nil)
	var o treeOptions
	tree := &cobra.Command{
		Use:   "tree [COLUMN ...]",
		Short: "Shows every actor below its supervisor",
		Long:  "Shows every actor below its supervisor. COLUMN is one of " + strings.Join(columnNames(item), ", ") + ".",
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 && c.formatter == "table" {
				args = strings.Fields(treeDefaults)
			}
			columns, err := chooseColumns(item, args)
			if err != nil {
				return err
			}
			if o.watch < 0 || o.watch == 0 && command.Flags().Changed("watch") {
				return usage("--watch=%v: it must be more than nothing", o.watch)
			}
			if o.watch == 0 {
				return c.showTree(columns, o)
			}
			return c.watchTree(columns, o)
		},
	}
	tree.Flags().BoolVar(&o.stack, "stack", false, "below each actor, the stack of the panic that its last incarnation ended with")
	tree.Flags().DurationVar(&o.watch, "watch", 0, "show it again at this interval, until interrupted")
	tree.Flags().Lookup("watch").NoOptDefVal = "1s"
	return tree
}

func (c *ctl) showTree(columns []column, o treeOptions) error {
	return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
		stream, err := client.ActorsTree(ctx, &adminv1.ActorsTreeRequest{})
		tree := receive(stream, err, (*adminv1.ActorsTreeResponse).GetActors)
		if c.formatter != "table" {
			return c.print(columns, tree)
		}
		c.banner("Listing actors ...")
		return printTree(c.out, columns, tree, !c.silent && !c.noHeaders, o.stack)
	})
}

// clearScreen is sent to a terminal only.
const clearScreen = "\x1b[H\x1b[2J"

// watchTree ends well when it is interrupted.
func (c *ctl) watchTree(columns []column, o treeOptions) error {
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	before := ""
	if f, is := c.out.(*os.File); is {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			before = clearScreen
		}
	}
	tick := time.NewTicker(o.watch)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(c.out, before); err != nil {
			return err
		}
		if err := c.showTree(columns, o); err != nil {
			return err
		}
		select {
		case <-interrupted.Done():
			return nil
		case <-tick.C:
		}
	}
}

// printTree writes aligned columns with every path shortened to its last segment and moved below its supervisor's.
func printTree(out io.Writer, columns []column, tree iter.Seq2[proto.Message, error], header, stack bool) error {
	var table bytes.Buffer
	var stacks []string // behind each line
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	if header {
		_, _ = fmt.Fprintln(w, strings.Join(headers(columns), "\t"))
		stacks = append(stacks, "")
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
		stacks = append(stacks, indented(actor.GetLastStack(), len(above)+1))
		above = append(above, path)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, behind := range stacks {
		line, err := table.ReadString('\n')
		if err != nil {
			return err
		}
		if stack && behind != "" {
			line += behind
		}
		if _, err := io.WriteString(out, line); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

// indented moves a stack below the actor it belongs to.
func indented(stack string, depth int) string {
	if stack == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(stack) {
		b.WriteString(strings.Repeat("  ", depth+1) + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
