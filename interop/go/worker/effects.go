package worker

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// Effects is the log of what handlers did, for an auditor who has to find every execution again, of this process and of
// others that append to the same file. A line is
//
//	ID ATTEMPT start|end UNIX_NANOSECONDS PID lang=go type=TYPE [outcome=OUTCOME] [payload=BASE64URL]
//
// with ID and TYPE escaped as in a URL's path. ATTEMPT is the number of retries before it. A start without an end is an
// execution that died with its process.
type Effects struct{ file *os.File }

// OpenEffects opens the file to append; "" logs nothing.
func OpenEffects(path string) (Effects, error) {
	if path == "" {
		return Effects{}, nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return Effects{file}, err
}

func (e Effects) start(ctx context.Context, task *asynq.Task) {
	// What a group became is known by its members alone.
	if task.Type() == AggregatedType {
		e.write(ctx, task, "start", "payload="+base64.RawURLEncoding.EncodeToString(task.Payload()))
		return
	}
	e.write(ctx, task, "start")
}

func (e Effects) end(ctx context.Context, task *asynq.Task, outcome string) {
	e.write(ctx, task, "end", "outcome="+outcome)
}

func (e Effects) write(ctx context.Context, task *asynq.Task, what string, more ...string) {
	if e.file == nil {
		return
	}
	id, _ := asynq.GetTaskID(ctx)
	attempt, _ := asynq.GetRetryCount(ctx)
	line := fmt.Sprintf("%s %d %s %d %d lang=go type=%s", url.PathEscape(id), attempt, what, time.Now().UnixNano(),
		os.Getpid(), url.PathEscape(task.Type()))
	line = strings.Join(append([]string{line}, more...), " ") + "\n"
	// One write a line: with O_APPEND, lines of several processes do not mix.
	if _, err := e.file.WriteString(line); err != nil {
		// An auditor who misses a line judges wrongly; better no worker than that.
		fmt.Fprintln(os.Stderr, "interop-go worker: cannot write to the effect log:", err)
		os.Exit(1)
	}
}
