package main

import (
	"context"
	"flag"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"aftercommit/bench/peers/common/payload"
)

// task is the payload as River wants it: a type that knows its name.
type task struct{ payload.Payload }

func (task) Kind() string { return "send_verify_email" }

// place is where the database is.
type place struct{ url string }

func (p *place) register(set *flag.FlagSet) {
	set.StringVar(&p.url, "postgres", "", "`url` of the database")
}

func (p *place) connect(ctx context.Context) (*pgxpool.Pool, error) {
	return pgxpool.New(ctx, p.url)
}

// client without workers only inserts.
func client(pool *pgxpool.Pool, config *river.Config) (*river.Client[pgx.Tx], error) {
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return river.NewClient(riverpgxv5.New(pool), config)
}

func prepare(args []string) error {
	var place place
	set := flag.NewFlagSet("prepare", flag.ExitOnError)
	place.register(set)
	if err := set.Parse(args); err != nil {
		return err
	}
	ctx := context.Background()
	pool, err := place.connect(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	return peer.Report("prepare", nil, nil)
}
