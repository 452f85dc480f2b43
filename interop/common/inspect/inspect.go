// Package inspect drives asynq's Inspector by JSON lines. It keeps to what release 0.25.1 offers, so that the same
// source can be compiled against several releases; Newer has what later ones added.
package inspect

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/hibiken/asynq"

	"aftercommit/interop/common/answers"
	"aftercommit/interop/common/conn"
	"aftercommit/interop/common/lines"
)

// Request asks for one method of the Inspector; each uses the fields it needs.
type Request struct {
	Op      string `json:"op"`
	Queue   string `json:"queue"`
	ID      string `json:"id"`
	Group   string `json:"group"`
	Entry   string `json:"entry"`
	Page    int    `json:"page"`
	Size    int    `json:"size"`
	Days    int    `json:"days"`
	Force   bool   `json:"force"`
	Payload []byte `json:"payload"`
}

// Newer is what releases after 0.25.1 added. A nil function is an ability that the release lacks.
type Newer struct {
	Headers       func(*asynq.TaskInfo) map[string]string
	UpdatePayload func(inspector *asynq.Inspector, queue, id string, payload []byte) error
}

var errUnsupported = errors.New("this release of asynq cannot do that")

type reader struct {
	inspector *asynq.Inspector
	newer     Newer
}

// Main answers requests on standard input until it ends.
func Main(args []string, newer Newer) error {
	var redis conn.Flags
	set := flag.NewFlagSet("inspector", flag.ExitOnError)
	redis.Register(set)
	if err := set.Parse(args); err != nil {
		return err
	}
	inspector := asynq.NewInspector(redis.Options())
	defer inspector.Close()
	reader := reader{inspector, newer}
	return lines.Serve(os.Stdin, os.Stdout, errorName, func(line []byte) (any, error) {
		var request Request
		if err := lines.Decode(line, &request); err != nil {
			return nil, err
		}
		return reader.answer(request)
	})
}

func (r reader) answer(request Request) (any, error) {
	if read, found := reads[request.Op]; found {
		return read(r, request)
	}
	if change, found := changes[request.Op]; found {
		return nil, change(r, request)
	}
	if changeAll, found := changesOfAll[request.Op]; found {
		return changeAll(r.inspector, request)
	}
	return nil, fmt.Errorf("%w: no operation %q", lines.ErrBadRequest, request.Op)
}

func errorName(err error) string {
	if errors.Is(err, errUnsupported) {
		return "unsupported"
	}
	return answers.ErrorName(err)
}
