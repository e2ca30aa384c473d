//go:build !linux

package doctor

import "context"

// native skips the checks of the native builder.
func native(context.Context) []Check {
	return []Check{{"native", Skipped, "the native builder needs Linux; here builds use a builder of Docker", ""}}
}
