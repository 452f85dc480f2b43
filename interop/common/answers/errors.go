package answers

import (
	"errors"
	"strings"

	"github.com/hibiken/asynq"
)

var public = []struct {
	err  error
	name string
}{
	{asynq.ErrDuplicateTask, "duplicate"},
	{asynq.ErrTaskIDConflict, "id_conflict"},
	{asynq.ErrQueueNotFound, "queue_not_found"},
	{asynq.ErrQueueNotEmpty, "queue_not_empty"},
	{asynq.ErrTaskNotFound, "task_not_found"},
	{asynq.ErrServerClosed, "server_closed"},
}

// Codes that asynq writes into the text of errors it has no public value for.
var codes = []struct{ text, name string }{
	{"FAILED_PRECONDITION", "failed_precondition"},
	{"NOT_FOUND", "not_found"},
	{"ALREADY_EXISTS", "already_exists"},
	{"INTERNAL_ERROR", "internal_error"},
	{"UNKNOWN", "unknown"},
}

// ErrorName names an error of asynq; "other" has to be told by its text.
func ErrorName(err error) string {
	for _, known := range public {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	// A wrapped error has several codes; the first is the outermost.
	name, first := "other", len(err.Error())
	for _, code := range codes {
		if at := strings.Index(err.Error(), code.text); at >= 0 && at < first {
			name, first = code.name, at
		}
	}
	return name
}
