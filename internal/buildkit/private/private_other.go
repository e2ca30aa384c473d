//go:build !unix

package private

// checkDir finds nothing: folders for temporary files are each user's own here.
func checkDir(string) string { return "" }

func checkProgram(string, string) string { return "" }
