// Package payload is what every peer of the benchmark carries.
package payload

import (
	"encoding/json"
	"time"
)

// Type names the tasks.
const Type = "task:send_verify_email"

// Payload has the same JSON form for all peers.
type Payload struct {
	Username string `json:"username"`
	// AtUnixNS is the moment that lateness is counted from; where nobody counts it is left out.
	AtUnixNS int64 `json:"at_unix_ns,omitempty"`
}

// Plain has no moment.
func Plain() Payload { return At(time.Time{}) }

// At has one, unless it is the zero moment.
func At(at time.Time) Payload {
	content := Payload{Username: "alice10"}
	if !at.IsZero() {
		content.AtUnixNS = at.UnixNano()
	}
	return content
}

// Late is how long ago the moment is; less than zero is too early.
func (p Payload) Late() time.Duration { return time.Since(time.Unix(0, p.AtUnixNS)) }

// Encode answers its JSON form.
func (p Payload) Encode() []byte {
	encoded, err := json.Marshal(p)
	if err != nil {
		// A string and a number always have a JSON form.
		panic(err)
	}
	return encoded
}
