package enqueue

import (
	"time"

	"github.com/hibiken/asynq"
)

// Task is a task and every option of it. What is null or absent is not said to asynq, which then has its default.
type Task struct {
	Type string `json:"type"`
	// Payload is base64; null is Go's nil, which is another thing than "".
	Payload []byte            `json:"payload"`
	Headers map[string]string `json:"headers,omitempty"`
	Options
}

// Options are asynq's, one to one. Durations are milliseconds, of which asynq keeps whole seconds.
type Options struct {
	ID              *string `json:"id,omitempty"`
	Queue           *string `json:"queue,omitempty"`
	MaxRetry        *int    `json:"max_retry,omitempty"`
	TimeoutMS       *int64  `json:"timeout_ms,omitempty"`
	DeadlineUnix    *int64  `json:"deadline_unix,omitempty"`
	UniqueMS        *int64  `json:"unique_ms,omitempty"`
	ProcessAtUnix   *int64  `json:"process_at_unix,omitempty"`
	ProcessAtUnixMS *int64  `json:"process_at_unix_ms,omitempty"`
	ProcessInMS     *int64  `json:"process_in_ms,omitempty"`
	RetentionMS     *int64  `json:"retention_ms,omitempty"`
	Group           *string `json:"group,omitempty"`
}

// Asynq is the task as asynq takes it.
func (t Task) Asynq() *asynq.Task {
	if t.Headers == nil {
		return asynq.NewTask(t.Type, t.Payload)
	}
	return asynq.NewTaskWithHeaders(t.Type, t.Payload, t.Headers)
}

// AsynqOptions is the options that were given.
func (o Options) AsynqOptions() []asynq.Option {
	var options []asynq.Option
	options = given(options, o.ID, asynq.TaskID)
	options = given(options, o.Queue, asynq.Queue)
	options = given(options, o.MaxRetry, asynq.MaxRetry)
	options = given(options, o.TimeoutMS, func(ms int64) asynq.Option { return asynq.Timeout(milliseconds(ms)) })
	options = given(options, o.DeadlineUnix, func(s int64) asynq.Option { return asynq.Deadline(time.Unix(s, 0)) })
	options = given(options, o.UniqueMS, func(ms int64) asynq.Option { return asynq.Unique(milliseconds(ms)) })
	options = given(options, o.ProcessAtUnix, func(s int64) asynq.Option { return asynq.ProcessAt(time.Unix(s, 0)) })
	options = given(options, o.ProcessAtUnixMS, func(ms int64) asynq.Option { return asynq.ProcessAt(time.UnixMilli(ms)) })
	options = given(options, o.ProcessInMS, func(ms int64) asynq.Option { return asynq.ProcessIn(milliseconds(ms)) })
	options = given(options, o.RetentionMS, func(ms int64) asynq.Option { return asynq.Retention(milliseconds(ms)) })
	options = given(options, o.Group, asynq.Group)
	return options
}

func given[T any](options []asynq.Option, value *T, option func(T) asynq.Option) []asynq.Option {
	if value == nil {
		return options
	}
	return append(options, option(*value))
}

func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
