package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	adminv1 "warren/proto/admin/v1"
)

// change is one of rabbitmqctl's commands that change a definition.
type change struct {
	use, short string
	least      int // arguments
	most       int // -1 for any number
	// What stands above; %[n]s is the n-th argument, %v the vhost.
	banner string
	// What is said when it is done.
	done string
	make func(c *ctl, args []string) (*adminv1.DefineRequest, error)
}

func (c *ctl) changeCommand(d change) *cobra.Command {
	return &cobra.Command{
		Use:   d.use,
		Short: d.short,
		Args:  arguments(d.least, d.most),
		RunE: func(command *cobra.Command, args []string) error {
			c.in = command.InOrStdin()
			request, err := d.make(c, args)
			if err != nil {
				return err
			}
			return c.ask(func(ctx context.Context, client adminv1.AdminServiceClient) error {
				c.banner(d.above(c.vhost, args))
				if _, err := client.Define(ctx, request); err != nil {
					return err
				}
				if d.done != "" {
					c.banner(d.done)
				}
				return nil
			})
		},
	}
}

// above puts arguments into the banner.
func (d *change) above(vhost string, args []string) string {
	pairs := []string{"%v", vhost, "%*", strings.Join(args[min(1, len(args)):], ", ")}
	for i, arg := range args {
		pairs = append(pairs, fmt.Sprintf("%%[%d]s", i+1), arg)
	}
	return strings.NewReplacer(pairs...).Replace(d.banner)
}

// arguments refuses fewer than least and more than most.
func arguments(least, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage("not enough arguments: it takes %d, and there are %d", least, len(args))
		case most >= 0 && len(args) > most:
			return usage("too many arguments: it takes %d, and there are %d", most, len(args))
		}
		return nil
	}
}

// password is the second argument, or a line of the standard input.
func (c *ctl) password(args []string) (string, error) {
	if len(args) > 1 {
		return args[1], nil
	}
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if errors.Is(err, io.EOF) && line == "" {
		return "", dataError{errors.New("password is not provided via argument or stdin")}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", dataError{fmt.Errorf("read the password: %w", err)}
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// limits reads RabbitMQ's definition of limits, a JSON object.
func limits(definition string) (map[string]int64, error) {
	var l map[string]int64
	if err := json.Unmarshal([]byte(definition), &l); err != nil || l == nil {
		return nil, dataError{fmt.Errorf("could not parse JSON document: limits are an object of numbers such as {\"max-connections\": 10}, not %s", definition)}
	}
	return l, nil
}

// tags may be separated by commas, too.
func tags(args []string) []string {
	return strings.FieldsFunc(strings.Join(args, ","), func(r rune) bool { return r == ',' || r == ' ' })
}
