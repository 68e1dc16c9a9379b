package broker

import (
	"testing"

	"warren/internal/admin"
	adminv1 "warren/proto/admin/v1"
)

// Admin is warrenctl's way to this broker without a process for each call.
func (b *Broker) Admin(t testing.TB) adminv1.AdminServiceClient {
	t.Helper()
	if !b.Own() {
		t.Skip(errExternal)
	}
	conn, err := admin.Dial(b.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return adminv1.NewAdminServiceClient(conn)
}
