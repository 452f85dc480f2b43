package answers

import "github.com/hibiken/asynq"

// Queue is an asynq.QueueInfo.
type Queue struct {
	Queue          string `json:"queue"`
	MemoryUsage    int64  `json:"memory_usage"`
	LatencyNS      int64  `json:"latency_ns"`
	Size           int    `json:"size"`
	Groups         int    `json:"groups"`
	Pending        int    `json:"pending"`
	Active         int    `json:"active"`
	Scheduled      int    `json:"scheduled"`
	Retry          int    `json:"retry"`
	Archived       int    `json:"archived"`
	Completed      int    `json:"completed"`
	Aggregating    int    `json:"aggregating"`
	Processed      int    `json:"processed"`
	Failed         int    `json:"failed"`
	ProcessedTotal int    `json:"processed_total"`
	FailedTotal    int    `json:"failed_total"`
	Paused         bool   `json:"paused"`
	Timestamp      *int64 `json:"timestamp"`
}

// OfQueue copies all fields.
func OfQueue(info *asynq.QueueInfo) Queue {
	return Queue{
		Queue:          info.Queue,
		MemoryUsage:    info.MemoryUsage,
		LatencyNS:      info.Latency.Nanoseconds(),
		Size:           info.Size,
		Groups:         info.Groups,
		Pending:        info.Pending,
		Active:         info.Active,
		Scheduled:      info.Scheduled,
		Retry:          info.Retry,
		Archived:       info.Archived,
		Completed:      info.Completed,
		Aggregating:    info.Aggregating,
		Processed:      info.Processed,
		Failed:         info.Failed,
		ProcessedTotal: info.ProcessedTotal,
		FailedTotal:    info.FailedTotal,
		Paused:         info.Paused,
		Timestamp:      nanos(info.Timestamp),
	}
}

// Group is an asynq.GroupInfo.
type Group struct {
	Group string `json:"group"`
	Size  int    `json:"size"`
}

// OfGroup copies all fields.
func OfGroup(info *asynq.GroupInfo) Group { return Group{Group: info.Group, Size: info.Size} }

// Day is an asynq.DailyStats.
type Day struct {
	Queue     string `json:"queue"`
	Processed int    `json:"processed"`
	Failed    int    `json:"failed"`
	// Date is YYYY-MM-DD in UTC.
	Date string `json:"date"`
}

// OfDay copies all fields; of the date, the day.
func OfDay(stats *asynq.DailyStats) Day {
	return Day{
		Queue:     stats.Queue,
		Processed: stats.Processed,
		Failed:    stats.Failed,
		Date:      stats.Date.UTC().Format("2006-01-02"),
	}
}
