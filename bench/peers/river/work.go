package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"aftercommit/bench/peers/common/half"
	"aftercommit/bench/peers/common/measure"
)

// workKnobs are those of every command that works.
type workKnobs struct {
	Workers    int     `json:"max_workers"`
	CooldownMS float64 `json:"fetch_cooldown_ms"`
	PollMS     float64 `json:"fetch_poll_interval_ms"`
	Notify     bool    `json:"notify"`
}

type workFlags struct {
	place
	workers        int
	cooldown, poll time.Duration
	pollOnly       bool
	timeout        time.Duration
}

func (f *workFlags) register(set *flag.FlagSet) {
	f.place.register(set)
	set.IntVar(&f.workers, "concurrency", 100, "River's MaxWorkers: tasks at a time, and in one fetch")
	set.DurationVar(&f.cooldown, "cooldown", river.FetchCooldownDefault, "least time between fetches")
	set.DurationVar(&f.poll, "poll", river.FetchPollIntervalDefault, "pause when there is no news")
	set.BoolVar(&f.pollOnly, "poll-only", false, "without LISTEN")
	set.DurationVar(&f.timeout, "timeout", 5*time.Minute, "when to give up")
}

func (f *workFlags) knobs() workKnobs {
	return workKnobs{f.workers, measure.Milliseconds(f.cooldown), measure.Milliseconds(f.poll), !f.pollOnly}
}

// work runs River until done is closed, and then until what it holds is stored.
func (f *workFlags) work(handler func(task), done <-chan struct{}) error {
	ctx := context.Background()
	pool, err := f.connect(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[task]) error {
		handler(job.Args)
		return nil
	}))
	working, err := client(pool, &river.Config{
		FetchCooldown:     f.cooldown,
		FetchPollInterval: f.poll,
		PollOnly:          f.pollOnly,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: f.workers}},
		Workers:           workers,
	})
	if err != nil {
		return err
	}
	if err := working.Start(ctx); err != nil {
		return err
	}
	worked := half.Work(done, f.timeout)
	if err := working.Stop(ctx); err != nil && worked == nil {
		return err
	}
	return worked
}

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
	if err := flags.work(func(task) { drain.Handle() }, drain.Done); err != nil {
		return fmt.Errorf("%w: %d of %d", err, drain.Handled(), *tasks)
	}
	return peer.Report("drain", drainKnobs{flags.knobs(), *tasks}, drain.Cost())
}

type latenessKnobs struct {
	workKnobs
	Tasks int `json:"tasks"`
	Skip  int `json:"skip"`
}

func lateness(args []string) error {
	var flags workFlags
	var knobs latenessKnobs
	set := flag.NewFlagSet("lateness", flag.ExitOnError)
	flags.register(set)
	set.IntVar(&knobs.Tasks, "tasks", 100, "how many to wait for")
	set.IntVar(&knobs.Skip, "skip", 0, "first tasks to leave out")
	if err := set.Parse(args); err != nil {
		return err
	}
	knobs.workKnobs = flags.knobs()
	seen, err := measure.NewSightings(knobs.Tasks, knobs.Skip)
	if err != nil {
		return err
	}
	if err := flags.work(func(task task) { seen.Add(task.Late()) }, seen.Done); err != nil {
		return fmt.Errorf("%w: %d of %d", err, seen.Seen(), knobs.Tasks)
	}
	return peer.Report("lateness", knobs, seen.Summary())
}
