package lint

import "strings"

// checkAdd reports each ADD that COPY could replace.
func checkAdd(c *checker) {
	for _, sequence := range c.sequences() {
		for _, in := range sequence {
			t, ok := in.transfer()
			if !ok || !t.isAdd || in.hasFlag("unpack") || in.hasFlag("checksum") || in.hasFlag("keep-git-dir") || t.needsAdd() {
				continue
			}
			c.report(in, advice{
				message: "ADD copies files from the context like COPY, but unpacks any file that is a tar archive",
				change:  "use COPY instead of ADD",
				effect:  "the same files and the same caching; --fix can add --link to a COPY in more places",
			})
		}
	}
}

// needsAdd reports whether a source is, or may be, a URL that COPY cannot fetch or an archive that COPY would
// not unpack.
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
