package inspect

import "github.com/hibiken/asynq"

// Operations on one queue or task; they answer nothing.
var changes = map[string]func(reader, Request) error{
	"run_task":          func(r reader, q Request) error { return r.inspector.RunTask(q.Queue, q.ID) },
	"archive_task":      func(r reader, q Request) error { return r.inspector.ArchiveTask(q.Queue, q.ID) },
	"delete_task":       func(r reader, q Request) error { return r.inspector.DeleteTask(q.Queue, q.ID) },
	"cancel_processing": func(r reader, q Request) error { return r.inspector.CancelProcessing(q.ID) },
	"pause_queue":       func(r reader, q Request) error { return r.inspector.PauseQueue(q.Queue) },
	"unpause_queue":     func(r reader, q Request) error { return r.inspector.UnpauseQueue(q.Queue) },
	"delete_queue":      func(r reader, q Request) error { return r.inspector.DeleteQueue(q.Queue, q.Force) },
	"update_task_payload": func(r reader, q Request) error {
		if r.newer.UpdatePayload == nil {
			return errUnsupported
		}
		return r.newer.UpdatePayload(r.inspector, q.Queue, q.ID, q.Payload)
	},
}

type changeOfAll func(*asynq.Inspector, Request) (any, error)

// Operations on all tasks of a state; they answer how many.
var changesOfAll = map[string]changeOfAll{
	"run_all_scheduled":       ofQueue((*asynq.Inspector).RunAllScheduledTasks),
	"run_all_retry":           ofQueue((*asynq.Inspector).RunAllRetryTasks),
	"run_all_archived":        ofQueue((*asynq.Inspector).RunAllArchivedTasks),
	"run_all_aggregating":     ofGroup((*asynq.Inspector).RunAllAggregatingTasks),
	"archive_all_pending":     ofQueue((*asynq.Inspector).ArchiveAllPendingTasks),
	"archive_all_scheduled":   ofQueue((*asynq.Inspector).ArchiveAllScheduledTasks),
	"archive_all_retry":       ofQueue((*asynq.Inspector).ArchiveAllRetryTasks),
	"archive_all_aggregating": ofGroup((*asynq.Inspector).ArchiveAllAggregatingTasks),
	"delete_all_pending":      ofQueue((*asynq.Inspector).DeleteAllPendingTasks),
	"delete_all_scheduled":    ofQueue((*asynq.Inspector).DeleteAllScheduledTasks),
	"delete_all_retry":        ofQueue((*asynq.Inspector).DeleteAllRetryTasks),
	"delete_all_archived":     ofQueue((*asynq.Inspector).DeleteAllArchivedTasks),
	"delete_all_completed":    ofQueue((*asynq.Inspector).DeleteAllCompletedTasks),
	"delete_all_aggregating":  ofGroup((*asynq.Inspector).DeleteAllAggregatingTasks),
}

func ofQueue(change func(*asynq.Inspector, string) (int, error)) changeOfAll {
	return func(inspector *asynq.Inspector, q Request) (any, error) { return change(inspector, q.Queue) }
}

func ofGroup(change func(inspector *asynq.Inspector, queue, group string) (int, error)) changeOfAll {
	return func(inspector *asynq.Inspector, q Request) (any, error) { return change(inspector, q.Queue, q.Group) }
}
