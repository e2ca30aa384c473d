// Command simulation estimates the load and cost of builds at scale: the requests that ECR receives, what the
// cache repositories hold under the default lifecycle rules, and what that costs and saves. It also replays histories of
// images with LAYERCACHE_POLICY=act, against the same choice for all builds. It writes its
// tables between the markers of docs/evidence/scale.md, which lists the sources and assumptions.
//
//	go -C test run ./speed/simulation [--seed 1] [--page docs/evidence/scale.md]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/layercache/layercache/test/kit/checkout"
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of the random numbers")
	page := flag.String("page", "docs/evidence/scale.md", "page to write the tables into")
	flag.Parse()
	if err := errors.Join(checkout.Enter(), write(*page, *seed)); err != nil {
		fmt.Fprintln(os.Stderr, "simulation:", err)
		os.Exit(1)
	}
}

func write(page string, seed uint64) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	filled, err := fill(string(content), tables(seed))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(filled), 0o644)
}

// fill puts each table between <!-- simulation: NAME --> and <!-- end -->.
func fill(page string, tables map[string]string) (string, error) {
	for name, text := range tables {
		marker := "<!-- simulation: " + name + " -->\n"
		before, rest, found := strings.Cut(page, marker)
		_, after, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended {
			return "", fmt.Errorf("the page has no marker for the table %q", name)
		}
		page = before + marker + text + "<!-- end -->" + after
	}
	return page, nil
}
