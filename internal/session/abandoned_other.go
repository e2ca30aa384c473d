//go:build !unix

package session

// removeAbandoned does nothing, because folders are not locked here.
func removeAbandoned(string) {}
