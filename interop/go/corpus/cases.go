package corpus

import (
	"maps"

	"aftercommit/interop/go/enqueue"
)

// example is a way of enqueuing; most are one task.
type example struct {
	name  string
	tasks []enqueue.Task
}

const (
	farFuture = int64(4102444800) // 2100-01-01
	longPast  = int64(946684800)  // 2000-01-01
	deadline  = int64(1900000000)
)

// Every case says its ids, and times that are absolute or ten seconds and more away: see window.
var cases = []example{
	one("plain", task()),
	one("nil payload", payload(nil)),
	one("empty payload", payload([]byte{})),
	one("binary payload", payload([]byte{0, 255, 128, 10, 13, 0})),
	one("text beyond ASCII", task(typed("mél:envoyer"), id("tâche-Ω"), queue("büro"), header("clé", "välue"))),
	one("id with colons, braces and blanks", task(id("a:b{c} d"))),
	one("queue", task(queue("critical"))),
	one("queue with braces", task(queue("tenant{7}"))),
	one("queue that begins like a key", task(queue("t:x"))),

	one("no retries", task(maxRetry(0))),
	one("three retries", task(maxRetry(3))),
	one("retries below zero", task(maxRetry(-1))),
	one("retries of five bytes", task(maxRetry(2147483647))),

	one("timeout", task(timeout(90_000))),
	one("timeout of zero", task(timeout(0))),
	one("timeout below a second", task(timeout(500))),
	one("timeout with a fraction", task(timeout(1_999))),
	one("deadline", task(deadlineAt(deadline))),
	one("deadline before the epoch", task(deadlineAt(-1))),
	one("deadline of zero", task(deadlineAt(0))),
	one("timeout and deadline", task(timeout(90_000), deadlineAt(deadline))),
	one("timeout of zero and deadline of zero", task(timeout(0), deadlineAt(0))),

	one("retention", task(retention(3_600_000))),
	one("retention below a second", task(retention(999))),

	one("header", task(header("traceparent", "00-aa-bb-01"))),
	one("headers", task(header("b", "2"), header("aa", "1"), header("empty", ""), header("", "no name"))),
	one("headers without any", task(noHeaders)),

	one("scheduled", task(processAt(farFuture))),
	one("scheduled with a fraction", task(processAtMS(farFuture*1000+999))),
	one("scheduled in a while", task(processIn(600_000))),
	one("scheduled in the past", task(processAt(longPast))),

	one("unique", task(unique(60_000))),
	one("unique, nil payload", with(payload(nil), unique(60_000))),
	one("unique, empty payload", with(payload([]byte{}), unique(60_000))),
	one("unique, binary payload", with(payload([]byte{0, 255, 128}), unique(60_000))),
	one("unique with a fraction", task(unique(1_999))),
	one("unique below a second", task(unique(999))),
	one("unique and scheduled", task(unique(60_000), processIn(600_000))),
	one("unique, of a type with colons", task(typed("a:b:c"), unique(3_600_000))),

	one("group", task(group("mails"))),
	one("group with a colon", task(group("mails:de"))),
	one("group, unique", task(group("mails"), unique(60_000))),
	one("group, scheduled", task(group("mails"), processAt(farFuture))),
	one("group, scheduled in the past", task(group("mails"), processAt(longPast))),

	one("everything but a group", task(queue("low"), maxRetry(7), timeout(30_000), deadlineAt(deadline), retention(86_400_000),
		unique(60_000), processIn(600_000), header("k", "v"))),
	one("everything in a group", task(queue("low"), maxRetry(7), timeout(30_000), deadlineAt(deadline), retention(86_400_000),
		unique(60_000), group("g"), header("k", "v"))),

	one("blank type", task(typed(" "))),
	one("blank queue", task(queue(" "))),
	one("blank id", task(id(" "))),
	one("blank group", task(group(" "))),

	{"two in order", []enqueue.Task{task(id("first")), task(id("second"))}},
	{"two of a group", []enqueue.Task{task(id("first"), group("g")), task(id("second"), group("g"))}},
	{"same id", []enqueue.Task{task(), task()}},
	{"same id in two queues", []enqueue.Task{task(), task(queue("other"))}},
	{"unique twice", []enqueue.Task{task(id("first"), unique(60_000)), task(id("second"), unique(60_000))}},
	{"unique with an id that is taken", []enqueue.Task{task(), task(unique(60_000))}},
	{"unique in two queues", []enqueue.Task{
		task(id("first"), unique(60_000)), task(id("second"), unique(60_000), queue("other")),
	}},
	{"unique, nil and empty payload", []enqueue.Task{
		with(payload(nil), id("nil"), unique(60_000)), with(payload([]byte{}), id("empty"), unique(60_000)),
	}},
}

type option func(*enqueue.Task)

func one(name string, task enqueue.Task) example { return example{name, []enqueue.Task{task}} }

func task(options ...option) enqueue.Task { return with(payload([]byte(`{"user":1}`)), options...) }

func payload(bytes []byte) enqueue.Task {
	id := "id-1"
	return enqueue.Task{Type: "email:send", Payload: bytes, Options: enqueue.Options{ID: &id}}
}

func with(task enqueue.Task, options ...option) enqueue.Task {
	for _, set := range options {
		set(&task)
	}
	return task
}

func typed(name string) option        { return func(t *enqueue.Task) { t.Type = name } }
func id(id string) option             { return func(t *enqueue.Task) { t.ID = &id } }
func queue(name string) option        { return func(t *enqueue.Task) { t.Queue = &name } }
func maxRetry(n int) option           { return func(t *enqueue.Task) { t.MaxRetry = &n } }
func timeout(ms int64) option         { return func(t *enqueue.Task) { t.TimeoutMS = &ms } }
func deadlineAt(seconds int64) option { return func(t *enqueue.Task) { t.DeadlineUnix = &seconds } }
func retention(ms int64) option       { return func(t *enqueue.Task) { t.RetentionMS = &ms } }
func unique(ms int64) option          { return func(t *enqueue.Task) { t.UniqueMS = &ms } }
func processAt(seconds int64) option  { return func(t *enqueue.Task) { t.ProcessAtUnix = &seconds } }
func processAtMS(ms int64) option     { return func(t *enqueue.Task) { t.ProcessAtUnixMS = &ms } }
func processIn(ms int64) option       { return func(t *enqueue.Task) { t.ProcessInMS = &ms } }
func group(name string) option        { return func(t *enqueue.Task) { t.Group = &name } }
func noHeaders(t *enqueue.Task)       { t.Headers = map[string]string{} }
func header(name, value string) option {
	return func(t *enqueue.Task) {
		headers := maps.Clone(t.Headers)
		if headers == nil {
			headers = map[string]string{}
		}
		headers[name] = value
		t.Headers = headers
	}
}
