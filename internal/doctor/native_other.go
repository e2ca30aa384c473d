//go:build !linux

package doctor

import "context"

// native checks what the native builder needs.
func native(context.Context) []Check {
	return []Check{{"native", Skipped, "the native builder runs on Linux only; here Docker's builders build", ""}}
}
