package lint

import "strings"

// checkAdd looks for ADD that does nothing which COPY does not do.
func checkAdd(c *checker) {
	for _, sequence := range c.sequences() {
		for _, in := range sequence {
			t, ok := in.transfer()
			if !ok || !t.isAdd || in.hasFlag("unpack") || in.hasFlag("checksum") || in.hasFlag("keep-git-dir") || t.needsAdd() {
				continue
			}
			c.report(in, advice{
				message: "ADD of files from the context does what COPY does, except that it unpacks a file that happens to be a tar archive",
				change:  "COPY in place of ADD",
				effect:  "the same files and the same caching; --fix can prove more about a COPY, so that --link becomes possible in more places",
			})
		}
	}
}

// needsAdd tells whether a source is, or may be, one that COPY cannot take or would not unpack.
func (t transfer) needsAdd() bool {
	for _, source := range t.SourcePaths {
		name := strings.ToLower(unquoted(source))
		if isRemote(source) || strings.Contains(source, "$") || strings.HasSuffix(name, "*") || strings.Contains(name, ".tar") {
			return true
		}
		for _, end := range []string{".tgz", ".tbz", ".tbz2", ".txz", ".tzst"} {
			if strings.HasSuffix(name, end) {
				return true
			}
		}
	}
	return false
}
