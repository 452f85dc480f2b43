package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"time"

	"github.com/hibiken/asynq"
)

// hold takes one task and never ends it: somebody kills this process, and measures when the task starts elsewhere.
func hold(args []string) error {
	flags := workFlags{}
	set := flag.NewFlagSet("hold", flag.ExitOnError)
	flags.register(set)
	if err := set.Parse(args); err != nil {
		return err
	}
	flags.concurrency = 1
	return flags.work(func(ctx context.Context, _ *asynq.Task) error {
		started := map[string]any{"started": map[string]int64{"at_unix_ns": time.Now().UnixNano()}}
		if err := json.NewEncoder(os.Stdout).Encode(started); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}, nil)
}
