// Package conn reads from the command line which Redis to talk to.
package conn

import (
	"flag"
	"strings"

	"github.com/hibiken/asynq"
)

// Flags are --redis and --db.
type Flags struct {
	addr string
	db   int
}

// Register adds the flags to a set.
func (f *Flags) Register(set *flag.FlagSet) {
	set.StringVar(&f.addr, "redis", "127.0.0.1:6379", "`host:port`, or unix:/path of a socket")
	set.IntVar(&f.db, "db", 0, "database `number`")
}

// Options is the connection as asynq takes it.
func (f *Flags) Options() asynq.RedisClientOpt {
	if path, isSocket := strings.CutPrefix(f.addr, "unix:"); isSocket {
		return asynq.RedisClientOpt{Network: "unix", Addr: path, DB: f.db}
	}
	return asynq.RedisClientOpt{Addr: f.addr, DB: f.db}
}
