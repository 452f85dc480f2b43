package dump

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message is a protobuf message as it lies in Redis, and its fields without a schema.
type Message struct {
	Hex    string `json:"hex"`
	Fields Fields `json:"fields"`
	// Fault says why the bytes are not a message.
	Fault string `json:"fault,omitempty"`
}

// Fields are the values of each field number in the order in which they were written; entries of a map by their bytes.
// A value is a number (varints as signed 64 bits), Bytes, or Fields where the shape says that a message is inside.
type Fields map[protowire.Number][]any

// shape says which fields of a message are messages; what lies within those is plain.
type shape struct {
	messages []protowire.Number
	// maps are messages too, one an entry, in random order.
	maps []protowire.Number
}

var (
	taskMessage    = &shape{maps: []protowire.Number{15}}
	serverInfo     = &shape{maps: []protowire.Number{5}, messages: []protowire.Number{8}}
	workerInfo     = &shape{messages: []protowire.Number{8, 9}}
	schedulerEntry = &shape{messages: []protowire.Number{6, 7}}
	schedulerEvent = &shape{messages: []protowire.Number{2}}
	plain          = &shape{}
)

func (s *shape) isMessage(number protowire.Number) bool {
	return slices.Contains(s.messages, number) || slices.Contains(s.maps, number)
}

type field struct {
	number protowire.Number
	kind   protowire.Type
	// raw is the field with its tag, value what follows the tag.
	raw, value []byte
}

func decode(data []byte, of *shape) Message {
	message := Message{Hex: hex.EncodeToString(data)}
	fields, err := decodeFields(data, of)
	if err != nil {
		message.Fault = err.Error()
		return message
	}
	message.Fields = fields
	return message
}

func decodeFields(data []byte, of *shape) (Fields, error) {
	split, err := split(data)
	if err != nil {
		return nil, err
	}
	fields := Fields{}
	for _, field := range canonical(split, of) {
		value, err := field.decode(of)
		if err != nil {
			return nil, err
		}
		fields[field.number] = append(fields[field.number], value)
	}
	return fields, nil
}

// CanonicalTask is the hex of a task's message with its headers in order; asynq writes them in random order.
func CanonicalTask(message Message) (string, error) {
	data, err := hex.DecodeString(message.Hex)
	if err != nil {
		return "", err
	}
	fields, err := split(data)
	if err != nil {
		return "", err
	}
	var sorted []byte
	for _, field := range canonical(fields, taskMessage) {
		sorted = append(sorted, field.raw...)
	}
	return hex.EncodeToString(sorted), nil
}

func split(data []byte) ([]field, error) {
	var fields []field
	for len(data) > 0 {
		number, kind, tag := protowire.ConsumeTag(data)
		if tag < 0 {
			return nil, protowire.ParseError(tag)
		}
		length := protowire.ConsumeFieldValue(number, kind, data[tag:])
		if length < 0 {
			return nil, protowire.ParseError(length)
		}
		end := tag + length
		fields = append(fields, field{number, kind, data[:end], data[tag:end]})
		data = data[end:]
	}
	return fields, nil
}

// canonical sorts the entries of each map among themselves and leaves all else in its place.
func canonical(fields []field, of *shape) []field {
	sorted := slices.Clone(fields)
	for _, number := range of.maps {
		var places []int
		var entries []field
		for place, field := range fields {
			if field.number == number {
				places, entries = append(places, place), append(entries, field)
			}
		}
		slices.SortFunc(entries, func(a, b field) int { return bytes.Compare(keyOf(a), keyOf(b)) })
		for i, place := range places {
			sorted[place] = entries[i]
		}
	}
	return sorted
}

// keyOf is the key of a map's entry, without its length in front: "b" comes after "aa".
func keyOf(entry field) []byte {
	inner, _ := protowire.ConsumeBytes(entry.value)
	fields, err := split(inner)
	if err != nil || len(fields) == 0 {
		return nil
	}
	key, _ := protowire.ConsumeBytes(fields[0].value)
	return key
}

func (f field) decode(of *shape) (any, error) {
	switch f.kind {
	case protowire.VarintType:
		value, _ := protowire.ConsumeVarint(f.value)
		return int64(value), nil
	case protowire.Fixed32Type:
		return binary.LittleEndian.Uint32(f.value), nil
	case protowire.Fixed64Type:
		return binary.LittleEndian.Uint64(f.value), nil
	case protowire.BytesType:
		value, _ := protowire.ConsumeBytes(f.value)
		if of.isMessage(f.number) {
			return decodeFields(value, plain)
		}
		return Bytes(value), nil
	default:
		return nil, fmt.Errorf("field %d is a group", f.number)
	}
}
