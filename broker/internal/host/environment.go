package host

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"strconv"
)

//go:embed script/environment.sh
var environmentScript string

// ReadEnvironment tells what surrounds the user on h. It makes the runtime and the state directory, and fails when one of
// them is not the user's own and closed to others.
func ReadEnvironment(ctx context.Context, h Host) (Environment, error) {
	if r, ok := h.(EnvironmentReader); ok {
		return r.Environment(ctx)
	}
	const action = "look at the user's environment"
	sections, complete, err := Sections(ctx, h, Script{
		Body: environmentScript, Args: []string{strconv.Itoa(MaxRuntimeDir)}, Limit: scriptFraming,
	})
	if err != nil {
		return Environment{}, fmt.Errorf("%s: %w", action, err)
	}
	values := make(map[string]string, len(sections))
	for _, s := range sections {
		values[s.Name] = string(s.Data)
	}
	if problem := values["problem"]; problem != "" {
		return Environment{}, &Error{Host: h.Name(), Action: action, Err: fmt.Errorf("%w: %s", ErrPermission, problem)}
	}
	uid, err := strconv.Atoi(values["uid"])
	if err != nil || !complete {
		return Environment{}, &Error{Host: h.Name(), Action: action, Err: errors.New("the answer is incomplete")}
	}
	return Environment{
		User: values["user"], UID: uid, Group: values["group"], Home: path.Clean(values["home"]),
		RuntimeDir: path.Clean(values["runtime"]), StateDir: path.Clean(values["state"]),
		BootID: values["boot"], Node: values["node"],
		System: values["system"], Release: values["release"], Machine: values["machine"],
	}, nil
}
