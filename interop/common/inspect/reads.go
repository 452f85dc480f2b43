package inspect

import (
	"github.com/hibiken/asynq"

	"aftercommit/interop/common/answers"
)

// Operations that only look.
var reads = map[string]func(reader, Request) (any, error){
	"queues": func(r reader, _ Request) (any, error) {
		queues, err := r.inspector.Queues()
		return each(queues, err, func(queue string) string { return queue })
	},
	"groups": func(r reader, q Request) (any, error) {
		groups, err := r.inspector.Groups(q.Queue)
		return each(groups, err, answers.OfGroup)
	},
	"queue_info": func(r reader, q Request) (any, error) {
		info, err := r.inspector.GetQueueInfo(q.Queue)
		return one(info, err, answers.OfQueue)
	},
	"history": func(r reader, q Request) (any, error) {
		days, err := r.inspector.History(q.Queue, q.Days)
		return each(days, err, answers.OfDay)
	},
	"task_info": func(r reader, q Request) (any, error) {
		info, err := r.inspector.GetTaskInfo(q.Queue, q.ID)
		return one(info, err, r.task)
	},
	"list_pending":   list((*asynq.Inspector).ListPendingTasks),
	"list_active":    list((*asynq.Inspector).ListActiveTasks),
	"list_scheduled": list((*asynq.Inspector).ListScheduledTasks),
	"list_retry":     list((*asynq.Inspector).ListRetryTasks),
	"list_archived":  list((*asynq.Inspector).ListArchivedTasks),
	"list_completed": list((*asynq.Inspector).ListCompletedTasks),
	"list_aggregating": func(r reader, q Request) (any, error) {
		tasks, err := r.inspector.ListAggregatingTasks(q.Queue, q.Group, pages(q)...)
		return each(tasks, err, r.task)
	},
	"servers": func(r reader, _ Request) (any, error) {
		servers, err := r.inspector.Servers()
		return each(servers, err, answers.OfServer)
	},
	"scheduler_entries": func(r reader, _ Request) (any, error) {
		entries, err := r.inspector.SchedulerEntries()
		return each(entries, err, answers.OfEntry)
	},
	"enqueue_events": func(r reader, q Request) (any, error) {
		events, err := r.inspector.ListSchedulerEnqueueEvents(q.Entry, pages(q)...)
		return each(events, err, answers.OfEvent)
	},
	"cluster_key_slot": func(r reader, q Request) (any, error) { return r.inspector.ClusterKeySlot(q.Queue) },
	"cluster_nodes": func(r reader, q Request) (any, error) {
		nodes, err := r.inspector.ClusterNodes(q.Queue)
		return each(nodes, err, answers.OfNode)
	},
}

type listing func(*asynq.Inspector, string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)

func list(tasks listing) func(reader, Request) (any, error) {
	return func(r reader, q Request) (any, error) {
		tasks, err := tasks(r.inspector, q.Queue, pages(q)...)
		return each(tasks, err, r.task)
	}
}

// Zero is asynq's own default, so it is left out.
func pages(q Request) []asynq.ListOption {
	var options []asynq.ListOption
	if q.Page != 0 {
		options = append(options, asynq.Page(q.Page))
	}
	if q.Size != 0 {
		options = append(options, asynq.PageSize(q.Size))
	}
	return options
}

func (r reader) task(info *asynq.TaskInfo) answers.Task {
	task := answers.OfTask(info)
	if r.newer.Headers != nil {
		task.Headers = r.newer.Headers(info)
	}
	return task
}

func one[From, To any](item From, err error, of func(From) To) (any, error) {
	if err != nil {
		return nil, err
	}
	return of(item), nil
}

func each[From, To any](items []From, err error, of func(From) To) (any, error) {
	if err != nil {
		return nil, err
	}
	return answers.Each(items, of), nil
}
