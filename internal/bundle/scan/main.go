// Command scan runs govulncheck on this module, the helper that builds download, and the bundled programs of
// other modules (buildkitd, buildx). It exits with status 1 if a known vulnerability is found.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
	"github.com/layercache/layercache/internal/bundle"
)

// database is the vulnerability database of the Go project.
const database = "https://vuln.go.dev"

func main() {
	db := flag.String("db", database, "vulnerability database: https://… or file:///…")
	flag.Parse()
	if !reachable(*db) {
		fmt.Printf("govulncheck: NOT RUN, the Go vulnerability database (%s) cannot be reached from here\n", *db)
		return
	}
	ctx := context.Background()
	s := scanner{db: *db, out: os.Stdout}
	found := errors.Join(
		s.check(ctx, "this module", "./..."),
		s.check(ctx, "the helper of builds", "-tags", bundle.HelperTags, "./bin/layercache"),
		s.program(ctx, toolchain.Buildkitd()),
		s.program(ctx, toolchain.Buildx()),
	)
	if found != nil {
		fmt.Fprintln(os.Stderr, found)
		os.Exit(1)
	}
}

// reachable reports whether the database's index can be downloaded. For a file URL it returns true, and
// govulncheck reports errors.
func reachable(db string) bool {
	if !strings.HasPrefix(db, "https://") {
		return true
	}
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get(db + "/index/db.json")
	return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// scanner runs the pinned govulncheck.
type scanner struct {
	db  string
	out io.Writer
}

func (s scanner) govulncheck(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "go", append([]string{"tool", "-modfile=internal/tools/go.mod", "govulncheck"}, args...)...)
}

// check runs one scan, which prints its findings.
func (s scanner) check(ctx context.Context, what string, args ...string) error {
	fmt.Fprintf(s.out, "govulncheck: %s\n", what)
	cmd := s.govulncheck(ctx, append([]string{"-db", s.db}, args...)...)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("govulncheck, %s: %w", what, err)
	}
	return nil
}

// program scans a pinned program, and compiles it if necessary.
func (s scanner) program(ctx context.Context, program toolchain.Program) error {
	path, err := toolchain.Build(ctx, program, toolchain.Host(), os.Stderr)
	if err != nil {
		return err
	}
	return s.binary(ctx, path, program.Version)
}

// binary scans a program's binary. It was compiled in its module's folder, so it does not contain the
// module's version, and govulncheck would skip the module itself. The version is therefore added to the data
// that govulncheck extracts from the binary.
func (s scanner) binary(ctx context.Context, path, version string) error {
	name := filepath.Base(path)
	extracted, err := s.govulncheck(ctx, "-mode=extract", path).Output()
	if err != nil {
		return fmt.Errorf("govulncheck, read %s: %w", path, err)
	}
	stamped := bytes.Replace(extracted, []byte(`"Version":"(devel)"`), []byte(`"Version":"`+version+`"`), 1)
	if bytes.Equal(stamped, extracted) {
		return fmt.Errorf("govulncheck, read %s: it has no main module without a version", path)
	}
	dir, err := os.MkdirTemp("", "layercache-scan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	blob := filepath.Join(dir, name)
	if err := os.WriteFile(blob, stamped, 0o600); err != nil {
		return err
	}
	return s.check(ctx, name+" "+version, "-mode=binary", blob)
}
