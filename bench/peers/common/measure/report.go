package measure

import (
	"encoding/json"
	"os"
	"runtime/debug"
)

// Peer is who is measured.
type Peer struct {
	Name string
	// Module is looked up for its version.
	Module string
}

// Report prints {"result": {..}}, the last line of every command. Knobs are in it, so that a row explains itself.
func (p Peer) Report(command string, knobs, measured any) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"result": map[string]any{
		"peer":     p.Name,
		"version":  p.version(),
		"command":  command,
		"knobs":    knobs,
		"measured": measured,
	}})
}

func (p Peer) version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == p.Module {
				return module.Version
			}
		}
	}
	return "unknown"
}
