package lines

import (
	"encoding/json"
	"io"
	"os"
)

// Ready is the first line of a program that runs until it is told to stop.
type Ready struct {
	PID int `json:"pid"`
	// Entries are the ids of a scheduler's entries, in the order in which they were given.
	Entries []string `json:"entries,omitempty"`
	// Addr is where an HTTP server listens.
	Addr string `json:"addr,omitempty"`
}

// SayReady writes {"ready": {..}} and fills in the process id.
func SayReady(out io.Writer, ready Ready) error {
	ready.PID = os.Getpid()
	return json.NewEncoder(out).Encode(map[string]Ready{"ready": ready})
}

// Closed returns a channel that is closed when in ends: when whoever started this program went away.
func Closed(in io.Reader) <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, in)
	}()
	return closed
}
