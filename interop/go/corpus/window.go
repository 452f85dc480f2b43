package corpus

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"aftercommit/interop/go/dump"
)

// window is when a case ran. A time of that moment becomes the word "now", in the unit of its place; one that is later
// by whole seconds, up to a day, becomes "now+SECONDS".
type window struct{ from, to time.Time }

const laterMax = 24 * time.Hour

func (w window) replace(key *dump.Key) error {
	for place := range key.Scores {
		score, isNumber := key.Scores[place].Score.(float64)
		if !isNumber {
			continue
		}
		if word, isNow := w.word(score); isNow {
			key.Scores[place].Score = word
		}
	}
	if message, isMessage := key.Fields["msg"].(dump.Message); isMessage {
		canonical, err := dump.CanonicalTask(message)
		if err != nil {
			return fmt.Errorf("the message in %s: %w", key.Key, err)
		}
		message.Hex = canonical
		key.Fields["msg"] = message
	}
	if since, isBytes := key.Fields["pending_since"].(dump.Bytes); isBytes {
		nanos, err := strconv.ParseInt(string(since), 10, 64)
		if err != nil || nanos < w.from.UnixNano() || nanos > w.to.UnixNano() {
			return fmt.Errorf("pending_since of %s is %s, not a moment ago", key.Key, since)
		}
		key.Fields["pending_since"] = dump.Bytes("now")
	}
	return nil
}

func (w window) word(score float64) (string, bool) {
	if score != math.Trunc(score) {
		return "", false
	}
	// Cases ask for whole tens of seconds, so what is left of ten is the time that passed.
	since := int64(score) - w.from.Unix()
	later := since - since%10
	if since < 0 || since > int64(laterMax.Seconds()) || w.from.Unix()+since > w.to.Unix()+later {
		return "", false
	}
	if later == 0 {
		return "now", true
	}
	return fmt.Sprintf("now+%d", later), true
}
