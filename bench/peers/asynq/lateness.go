package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/hibiken/asynq"

	"aftercommit/bench/peers/common/measure"
	"aftercommit/bench/peers/common/payload"
)

type latenessKnobs struct {
	workKnobs
	Tasks int `json:"tasks"`
	Skip  int `json:"skip"`
}

// lateness works until it has seen enough tasks.
func lateness(args []string) error {
	var flags workFlags
	var knobs latenessKnobs
	set := flag.NewFlagSet("lateness", flag.ExitOnError)
	flags.register(set)
	set.IntVar(&knobs.Tasks, "tasks", 100, "how many to wait for")
	set.IntVar(&knobs.Skip, "skip", 0, "first tasks to leave out")
	list := set.Bool("list", false, "print each lateness, in the order of starts")
	if err := set.Parse(args); err != nil {
		return err
	}
	knobs.workKnobs = flags.knobs()
	seen, err := measure.NewSightings(knobs.Tasks, knobs.Skip)
	if err != nil {
		return err
	}
	see := func(_ context.Context, task *asynq.Task) error {
		var content payload.Payload
		if err := json.Unmarshal(task.Payload(), &content); err != nil {
			return fmt.Errorf("payload: %w: %w", err, asynq.SkipRetry)
		}
		seen.Add(content.Late())
		return nil
	}
	if err := flags.work(see, seen.Done); err != nil {
		return fmt.Errorf("%w: %d of %d", err, seen.Seen(), knobs.Tasks)
	}
	measured := seen.Summary()
	if *list {
		measured.All = seen.All()
	}
	return peer.Report("lateness", knobs, measured)
}
