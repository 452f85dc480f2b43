package worker

import (
	"errors"
	"time"

	"github.com/hibiken/asynq"
)

// Config is asynq's Config as JSON. What is absent keeps asynq's default; durations are milliseconds.
type Config struct {
	Concurrency       int            `json:"concurrency"`
	Queues            map[string]int `json:"queues"`
	Strict            bool           `json:"strict"`
	RetryDelayMS      *int64         `json:"retry_delay_ms"`
	ShutdownTimeoutMS int64          `json:"shutdown_timeout_ms"`
	DelayedCheckMS    int64          `json:"delayed_check_ms"`
	TaskCheckMS       int64          `json:"task_check_ms"`
	JanitorIntervalMS int64          `json:"janitor_interval_ms"`
	JanitorBatch      int            `json:"janitor_batch"`
	LogLevel          string         `json:"log_level"`
	// Groups switches aggregation on.
	Groups *Groups `json:"groups"`
}

// Groups says when a group is complete.
type Groups struct {
	GraceMS    int64 `json:"grace_ms"`
	MaxDelayMS int64 `json:"max_delay_ms"`
	MaxSize    int   `json:"max_size"`
	// RetentionMS keeps the aggregated task after it ran.
	RetentionMS int64 `json:"retention_ms"`
	// Hangs makes the aggregator hang.
	Hangs bool `json:"hangs"`
}

// errNotAFailure is what `nofail:` tasks return: an error that IsFailure does not count.
var errNotAFailure = errors.New("not a failure")

func (c Config) asynq() (asynq.Config, error) {
	config := asynq.Config{
		Concurrency:              c.Concurrency,
		Queues:                   c.Queues,
		StrictPriority:           c.Strict,
		ShutdownTimeout:          milliseconds(c.ShutdownTimeoutMS),
		DelayedTaskCheckInterval: milliseconds(c.DelayedCheckMS),
		TaskCheckInterval:        milliseconds(c.TaskCheckMS),
		JanitorInterval:          milliseconds(c.JanitorIntervalMS),
		JanitorBatchSize:         c.JanitorBatch,
		IsFailure:                func(err error) bool { return !errors.Is(err, errNotAFailure) },
	}
	if c.RetryDelayMS != nil {
		delay := milliseconds(*c.RetryDelayMS)
		config.RetryDelayFunc = func(int, error, *asynq.Task) time.Duration { return delay }
	}
	if c.Groups != nil {
		config.GroupGracePeriod = milliseconds(c.Groups.GraceMS)
		config.GroupMaxDelay = milliseconds(c.Groups.MaxDelayMS)
		config.GroupMaxSize = c.Groups.MaxSize
		config.GroupAggregator = aggregator{milliseconds(c.Groups.RetentionMS), c.Groups.Hangs}
	}
	if c.LogLevel != "" {
		if err := config.LogLevel.Set(c.LogLevel); err != nil {
			return config, err
		}
	}
	return config, nil
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
