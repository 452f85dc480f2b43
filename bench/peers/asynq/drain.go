package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/bench/peers/common/measure"
)

type drainKnobs struct {
	workKnobs
	Tasks int64 `json:"tasks"`
}

func drain(args []string) error {
	var flags workFlags
	set := flag.NewFlagSet("drain", flag.ExitOnError)
	flags.register(set)
	tasks := set.Int64("tasks", 20_000, "how many are waiting")
	if err := set.Parse(args); err != nil {
		return err
	}
	drain, err := measure.NewDrain(*tasks)
	if err != nil {
		return err
	}
	count := func(context.Context, *asynq.Task) error {
		drain.Handle()
		return nil
	}
	if err := flags.work(count, drain.Done); err != nil {
		return fmt.Errorf("%w: %d of %d", err, drain.Handled(), *tasks)
	}
	return peer.Report("drain", drainKnobs{flags.knobs(), *tasks}, drain.Cost())
}

type besideKnobs struct {
	workKnobs
	Seconds int `json:"seconds"`
}

type besideMeasured struct {
	Total     int64   `json:"total"`
	PerSecond []int64 `json:"per_second"`
}

// beside works next to other workers and says what share it got.
func beside(args []string) error {
	var flags workFlags
	set := flag.NewFlagSet("beside", flag.ExitOnError)
	flags.register(set)
	seconds := set.Int("seconds", 10, "how long")
	if err := set.Parse(args); err != nil {
		return err
	}
	var handled atomic.Int64
	count := func(context.Context, *asynq.Task) error {
		handled.Add(1)
		return nil
	}
	var measured besideMeasured
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for range *seconds {
			<-ticker.C
			total := handled.Load()
			measured.PerSecond = append(measured.PerSecond, total-measured.Total)
			measured.Total = total
			fmt.Fprintln(os.Stderr, "bench-asynq beside:", total)
		}
	}()
	if err := flags.work(count, done); err != nil {
		return err
	}
	return peer.Report("beside", besideKnobs{flags.knobs(), *seconds}, measured)
}
