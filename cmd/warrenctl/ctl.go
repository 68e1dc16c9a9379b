package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren/internal/admin"
	"warren/internal/config"
	adminv1 "warren/proto/admin/v1"
)

// ctl is one run: the options that every command has, and where it writes.
type ctl struct {
	out io.Writer
	in  io.Reader // for passwords

	dataDir, node, vhost, formatter string
	timeoutSeconds                  int
	quiet, silent, noHeaders        bool

	// The command line was understood; what goes wrong from here on is no fault of it.
	parsed bool
}

func (c *ctl) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "warrenctl [--data-dir DIR] [-n NODE] [-p VHOST] [--formatter table|json|csv] [-q] COMMAND",
		Short:         "Looks into a running Warren, sets it up and stops it",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no command given")
			}
			hint := ""
			if close := command.SuggestionsFor(args[0]); len(close) > 0 {
				hint = ". Did you mean '" + close[0] + "'?"
			}
			return usage("command '%s' not found%s", args[0], hint)
		},
		PersistentPreRunE: func(*cobra.Command, []string) error { return c.check() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2

	flags := root.PersistentFlags()
	flags.StringVar(&c.dataDir, "data-dir", "", "the broker's data directory (default $WARREN_DATA_DIR, else the broker's own default)")
	flags.StringVarP(&c.node, "node", "n", "", "the node it must be, by its cluster_name or what of that is before the @; any other is left alone")
	flags.StringVarP(&c.vhost, "vhost", "p", "/", "the vhost it is about")
	flags.StringVar(&c.formatter, "formatter", "table", "table, json or csv")
	flags.IntVarP(&c.timeoutSeconds, "timeout", "t", 60, "seconds to wait for the broker; 0 waits for ever")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "no banner")
	flags.BoolVarP(&c.silent, "silent", "s", false, "no banner and no column names")
	flags.BoolVar(&c.noHeaders, "no-table-headers", false, "no column names")

	for _, l := range append(lists[:len(lists):len(lists)], accessLists...) {
		root.AddCommand(c.listCommand(l))
	}
	for _, d := range changes {
		root.AddCommand(c.changeCommand(d))
	}
	root.AddCommand(c.grantCommands()...)
	root.AddCommand(c.policyCommands()...)
	root.AddCommand(c.addVHostCommand(), c.updateVHostCommand(), c.restartVHostCommand(), c.authenticateCommand(),
		c.vhostLimitsCommand(), c.userLimitsCommand(), c.closeCommand(), c.closeAllCommand(), c.closeUserCommand())
	root.AddCommand(c.memoryMarkCommand(), c.diskLimitCommand(), c.alarmsCommand())
	root.AddCommand(c.statusCommand(), c.stopCommand(), c.stopAppCommand(), c.startAppCommand(), c.actorsCommand(), c.journalCommand(), c.exportCommand(), c.importCommand(),
		c.restartQueueCommand())
	return root
}

// check completes the options.
func (c *ctl) check() (err error) {
	if _, known := formatters[c.formatter]; !known {
		return usage("there is no formatter '%s': use table, json or csv", c.formatter)
	}
	if c.timeoutSeconds < 0 {
		return usage("a timeout of %d seconds: it must be 0 or more", c.timeoutSeconds)
	}
	if c.dataDir == "" {
		if c.dataDir, err = config.DefaultDataDir(); err != nil {
			return usageError{err}
		}
	}
	c.parsed = true
	return nil
}

func (c *ctl) timeout() time.Duration { return time.Duration(c.timeoutSeconds) * time.Second }

// ask lets a command speak to the broker, for as long as the timeout says.
func (c *ctl) ask(do func(context.Context, adminv1.AdminServiceClient) error) error {
	conn, err := admin.Dial(c.dataDir)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()

	ctx := context.Background()
	if c.timeoutSeconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout())
		defer cancel()
	}
	client := adminv1.NewAdminServiceClient(conn)
	if c.node != "" {
		if err := c.meant(ctx, client); err != nil {
			return err
		}
	}
	return do(ctx, client)
}

// meant refuses a broker that is not the one of --node: what a script says to another node must not happen to this one. Differs: the
// broker is found by its data directory, and rabbitmqctl's by this name.
func (c *ctl) meant(ctx context.Context, client adminv1.AdminServiceClient) error {
	s, err := client.Status(ctx, &adminv1.StatusRequest{})
	if err != nil {
		return err
	}
	name := s.GetClusterName()
	if short, _, _ := strings.Cut(name, "@"); c.node == name || c.node == short {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition, "the node in %s is '%s', not '%s': name it so, or have it called that by cluster_name in its configuration",
		c.dataDir, name, c.node)
}

// oneArgument refuses more and less of them than one.
func oneArgument(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("it takes one argument, %s", name)
		}
		return nil
	}
}

// noArguments refuses arguments of a command that takes none.
func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("too many arguments")
	}
	return nil
}
