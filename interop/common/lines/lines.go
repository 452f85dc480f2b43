// Package lines speaks JSON lines: one request a line, one reply a line, in the order of the requests.
package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// requestMax bounds one request line.
const requestMax = 64 << 20

// Reply answers one request: either OK or Error is set. Errors are data, so a program goes on after one.
type Reply struct {
	OK    any    `json:"ok"`
	Error *Fault `json:"-"`
}

// Fault is an error as the other side reads it.
type Fault struct {
	// Name tells errors apart; it does not change with the text.
	Name string `json:"name"`
	Text string `json:"text"`
}

// MarshalJSON writes {"ok": ..} or {"error": {..}}; {"ok": null} is the reply of what answers nothing.
func (r Reply) MarshalJSON() ([]byte, error) {
	if r.Error != nil {
		return json.Marshal(map[string]any{"error": r.Error})
	}
	return json.Marshal(map[string]any{"ok": r.OK})
}

// ErrBadRequest is wrapped by every error about a request that makes no sense.
var ErrBadRequest = errors.New("bad request")

// Decode reads one JSON value and refuses fields that nobody asked for: a misspelt one would pass unnoticed.
func Decode(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	if decoder.More() {
		return fmt.Errorf("%w: more than one value", ErrBadRequest)
	}
	return nil
}

// Answer turns what a handler returned into a reply; name gives errors their names.
func Answer(value any, err error, name func(error) string) Reply {
	switch {
	case err == nil:
		return Reply{OK: value}
	case errors.Is(err, ErrBadRequest):
		return Reply{Error: &Fault{Name: "bad_request", Text: err.Error()}}
	default:
		return Reply{Error: &Fault{Name: name(err), Text: err.Error()}}
	}
}

// Serve answers each line of in on out until in ends.
func Serve(in io.Reader, out io.Writer, name func(error) string, handle func(line []byte) (any, error)) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, requestMax)
	writer := bufio.NewWriter(out)
	encoder := json.NewEncoder(writer)
	for scanner.Scan() {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		value, err := handle(scanner.Bytes())
		if err := encoder.Encode(Answer(value, err, name)); err != nil {
			return err
		}
		if err := writer.Flush(); err != nil {
			return err
		}
	}
	return scanner.Err()
}
