// Command interop-go025 is asynq 0.25.1's Inspector behind JSON lines: a reader of the generation before headers, which
// takes no fraction in a score and answers an error for a whole page that has one.
package main

import (
	"fmt"
	"os"

	"aftercommit/interop/common/inspect"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "inspector" {
		fmt.Fprintln(os.Stderr, "usage: interop-go025 inspector [--redis host:port] [--db n]")
		os.Exit(2)
	}
	if err := inspect.Main(os.Args[2:], inspect.Newer{}); err != nil {
		fmt.Fprintln(os.Stderr, "interop-go025:", err)
		os.Exit(1)
	}
}
