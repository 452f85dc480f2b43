package dump

import (
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"
)

// Bytes are a JSON string where they are UTF-8, and {"hex": ".."} where not.
type Bytes []byte

// MarshalJSON chooses the form.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return json.Marshal(string(b))
	}
	return json.Marshal(map[string]string{"hex": hex.EncodeToString(b)})
}
