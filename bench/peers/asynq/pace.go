package main

import (
	"flag"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/bench/peers/common/load"
	"aftercommit/bench/peers/common/measure"
	"aftercommit/interop/common/conn"
)

type paceKnobs struct {
	load.Pace
	Queue string `json:"queue"`
}

func pace(args []string) error {
	var redis conn.Flags
	var knobs paceKnobs
	set := flag.NewFlagSet("pace", flag.ExitOnError)
	redis.Register(set)
	knobs.Pace.Register(set)
	set.StringVar(&knobs.Queue, "queue", "default", "where to")
	if err := set.Parse(args); err != nil {
		return err
	}
	client := asynq.NewClient(redis.Options())
	defer client.Close()

	from := measure.Now()
	err := knobs.Run(from.At, func() error {
		_, err := client.Enqueue(taskAt(time.Now()), asynq.Queue(knobs.Queue))
		return err
	})
	if err != nil {
		return err
	}
	return peer.Report("pace", knobs, measure.CostOf(knobs.Tasks, from, measure.Now()))
}
