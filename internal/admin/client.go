package admin

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Dial returns a client's connection to the broker of a data directory. It opens the socket with the first call, which fails with
// the code Unavailable when no broker runs there.
func Dial(dataDir string) (*grpc.ClientConn, error) {
	open := func(ctx context.Context, _ string) (net.Conn, error) {
		d, err := openDirectory(dataDir)
		if err != nil {
			return nil, err
		}
		defer d.close() // a connected socket needs its path no more
		return d.dial(ctx)
	}
	// Without TLS: the socket's mode says who may connect.
	return grpc.NewClient("passthrough:///"+socketName,
		grpc.WithContextDialer(open), grpc.WithTransportCredentials(insecure.NewCredentials()))
}
