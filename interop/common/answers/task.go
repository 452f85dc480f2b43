// Package answers is asynq's public data as JSON: times in Unix nanoseconds with null for Go's zero time, durations in
// nanoseconds, bytes in base64 with null for nil.
package answers

import (
	"time"

	"github.com/hibiken/asynq"
)

// Task is an asynq.TaskInfo.
type Task struct {
	ID            string            `json:"id"`
	Queue         string            `json:"queue"`
	Type          string            `json:"type"`
	Payload       []byte            `json:"payload"`
	Headers       map[string]string `json:"headers"`
	State         string            `json:"state"`
	MaxRetry      int               `json:"max_retry"`
	Retried       int               `json:"retried"`
	LastErr       string            `json:"last_err"`
	LastFailedAt  *int64            `json:"last_failed_at"`
	TimeoutNS     int64             `json:"timeout_ns"`
	Deadline      *int64            `json:"deadline"`
	Group         string            `json:"group"`
	NextProcessAt *int64            `json:"next_process_at"`
	IsOrphaned    bool              `json:"is_orphaned"`
	RetentionNS   int64             `json:"retention_ns"`
	CompletedAt   *int64            `json:"completed_at"`
	Result        []byte            `json:"result"`
}

// OfTask copies all fields but the headers, which older releases do not have.
func OfTask(info *asynq.TaskInfo) Task {
	return Task{
		ID:            info.ID,
		Queue:         info.Queue,
		Type:          info.Type,
		Payload:       info.Payload,
		State:         info.State.String(),
		MaxRetry:      info.MaxRetry,
		Retried:       info.Retried,
		LastErr:       info.LastErr,
		LastFailedAt:  nanos(info.LastFailedAt),
		TimeoutNS:     info.Timeout.Nanoseconds(),
		Deadline:      nanos(info.Deadline),
		Group:         info.Group,
		NextProcessAt: nanos(info.NextProcessAt),
		IsOrphaned:    info.IsOrphaned,
		RetentionNS:   info.Retention.Nanoseconds(),
		CompletedAt:   nanos(info.CompletedAt),
		Result:        info.Result,
	}
}

func nanos(at time.Time) *int64 {
	if at.IsZero() {
		return nil
	}
	nanos := at.UnixNano()
	return &nanos
}
