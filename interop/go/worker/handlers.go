package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
)

// What a task does is said by the prefix of its type. A type with another prefix has no handler.
var handlers = map[string]asynq.HandlerFunc{
	"ok:":      func(context.Context, *asynq.Task) error { return nil },
	"agg:":     func(context.Context, *asynq.Task) error { return nil },
	"fail:":    func(context.Context, *asynq.Task) error { return errors.New("failed as told") },
	"skip:":    func(context.Context, *asynq.Task) error { return fmt.Errorf("told to: %w", asynq.SkipRetry) },
	"revoke:":  func(context.Context, *asynq.Task) error { return fmt.Errorf("told to: %w", asynq.RevokeTask) },
	"nofail:":  func(context.Context, *asynq.Task) error { return errNotAFailure },
	"panic:":   func(context.Context, *asynq.Task) error { panic("panicked as told") },
	"flaky:":   failFirst,
	"sleep:":   sleep,
	"result:":  func(_ context.Context, task *asynq.Task) error { return writeResult(task, task.Payload()) },
	"headers:": echoHeaders,
}

func mux(effects Effects) *asynq.ServeMux {
	mux := asynq.NewServeMux()
	for prefix, handler := range handlers {
		mux.Handle(prefix, logged(effects, handler))
	}
	return mux
}

func logged(effects Effects, handler asynq.HandlerFunc) asynq.HandlerFunc {
	return func(ctx context.Context, task *asynq.Task) (err error) {
		outcome := "panic"
		defer func() { effects.end(ctx, task, outcome) }()
		effects.start(ctx, task)
		err = handler(ctx, task)
		outcome = outcomeOf(ctx, err)
		return err
	}
}

func outcomeOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return "ok"
	case ctx.Err() != nil:
		return "stopped"
	default:
		return "error"
	}
}

// Fails as often as its payload, a decimal number, says.
func failFirst(ctx context.Context, task *asynq.Task) error {
	failures, err := strconv.Atoi(string(task.Payload()))
	if err != nil {
		return fmt.Errorf("payload of %s: %w: %w", task.Type(), err, asynq.SkipRetry)
	}
	if retried, _ := asynq.GetRetryCount(ctx); retried < failures {
		return fmt.Errorf("failed as told: %d of %d", retried+1, failures)
	}
	return nil
}

// Takes as many milliseconds as its payload, a decimal number, says, unless it is stopped.
func sleep(ctx context.Context, task *asynq.Task) error {
	ms, err := strconv.ParseInt(string(task.Payload()), 10, 64)
	if err != nil {
		return fmt.Errorf("payload of %s: %w: %w", task.Type(), err, asynq.SkipRetry)
	}
	select {
	case <-time.After(milliseconds(ms)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func echoHeaders(_ context.Context, task *asynq.Task) error {
	headers, err := json.Marshal(task.Headers())
	if err != nil {
		return err
	}
	return writeResult(task, headers)
}

func writeResult(task *asynq.Task, result []byte) error {
	_, err := task.ResultWriter().Write(result)
	return err
}
