package main

import (
	"context"
	"flag"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"aftercommit/bench/peers/common/load"
	"aftercommit/bench/peers/common/measure"
	"aftercommit/bench/peers/common/payload"
)

type enqueueKnobs struct {
	Tasks   int64  `json:"tasks"`
	Callers int    `json:"callers"`
	Batch   int    `json:"batch"`
	Way     string `json:"way"`
}

// enqueue lets a number of callers share one client, each with one call under way at a time.
func enqueue(args []string) error {
	var place place
	var knobs enqueueKnobs
	set := flag.NewFlagSet("enqueue", flag.ExitOnError)
	place.register(set)
	set.Int64Var(&knobs.Tasks, "tasks", 20_000, "how many")
	set.IntVar(&knobs.Callers, "callers", 1, "goroutines that enqueue")
	set.IntVar(&knobs.Batch, "batch", 1, "tasks with one call of InsertManyFast (COPY); 1 is the call for a single task")
	if err := set.Parse(args); err != nil {
		return err
	}
	inserter, end, err := place.inserter()
	if err != nil {
		return err
	}
	defer end()
	knobs.Way = "Insert"
	if knobs.Batch > 1 {
		knobs.Way = "InsertManyFast"
	}

	from := measure.Now()
	var taken atomic.Int64
	err = load.Together(knobs.Callers, func() error {
		for {
			count := min(int64(knobs.Batch), knobs.Tasks-taken.Add(int64(knobs.Batch))+int64(knobs.Batch))
			if count <= 0 {
				return nil
			}
			if err := insert(inserter, int(count)); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	return peer.Report("enqueue", knobs, measure.CostOf(knobs.Tasks, from, measure.Now()))
}

// inserter is a client that has connected: what happens once is not measured.
func (p *place) inserter() (*river.Client[pgx.Tx], func(), error) {
	ctx := context.Background()
	pool, err := p.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		return nil, nil, err
	}
	inserter, err := client(pool, &river.Config{})
	return inserter, pool.Close, err
}

func insert(inserter *river.Client[pgx.Tx], count int) error {
	ctx := context.Background()
	if count == 1 {
		_, err := inserter.Insert(ctx, task{payload.Plain()}, nil)
		return err
	}
	params := make([]river.InsertManyParams, count)
	for i := range params {
		params[i].Args = task{payload.Plain()}
	}
	_, err := inserter.InsertManyFast(ctx, params)
	return err
}

func pace(args []string) error {
	var place place
	var knobs load.Pace
	set := flag.NewFlagSet("pace", flag.ExitOnError)
	place.register(set)
	knobs.Register(set)
	if err := set.Parse(args); err != nil {
		return err
	}
	inserter, end, err := place.inserter()
	if err != nil {
		return err
	}
	defer end()
	from := measure.Now()
	err = knobs.Run(from.At, func() error {
		_, err := inserter.Insert(context.Background(), task{payload.At(time.Now())}, nil)
		return err
	})
	if err != nil {
		return err
	}
	return peer.Report("pace", knobs, measure.CostOf(knobs.Tasks, from, measure.Now()))
}
