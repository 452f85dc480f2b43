// Package half is one half of a measurement, for as long as it works.
package half

import (
	"context"
	"fmt"
	"os"
	"time"

	"aftercommit/interop/common/lines"
)

// Work says {"ready": {..}} and waits until done is closed. It fails when that takes too long, and when whoever started
// this program has gone.
func Work(done <-chan struct{}, limit time.Duration) error {
	if err := lines.SayReady(os.Stdout, lines.Ready{}); err != nil {
		return err
	}
	timeout, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	select {
	case <-done:
		return nil
	case <-timeout.Done():
		return fmt.Errorf("not done after %s", limit)
	case <-lines.Closed(os.Stdin):
		return fmt.Errorf("standard input ended before the work was done")
	}
}
