package helperasset

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/bundle"
)

// builtFunction compiles the function at most once per process.
var builtFunction = sync.OnceValues(func() (string, error) { return bundle.DeployFunction(context.Background(), os.Stderr) })

// CheckFunction returns the problems of the path of a prebuilt function, which prop gives.
func CheckFunction(prop string, prebuilt *string) []validation.Problem {
	if prebuilt == nil {
		return nil
	}
	if info, err := os.Stat(*prebuilt); err == nil && info.Mode().IsRegular() {
		return nil
	}
	return []validation.Problem{{
		Prop:  prop,
		Wrong: fmt.Sprintf("%q is not a file", *prebuilt),
		Fix:   "give the path of a zip with bootstrap, or leave it out to compile it",
	}}
}

// FunctionZip returns the path of the function that starts builds when a stack is deployed and rolls images out: the
// prebuilt zip, which prop gives, or else one compiled from this module's source.
func FunctionZip(prop string, prebuilt *string) (string, *validation.Problem) {
	if prebuilt != nil {
		return absolute(*prebuilt), nil
	}
	path, err := builtFunction()
	if err != nil {
		return "", &validation.Problem{
			Prop:  prop,
			Wrong: fmt.Sprintf("compiling the function failed: %v", err),
			Fix:   "see the compiler's output above, or give the path of a prebuilt zip",
		}
	}
	return path, nil
}
