package scenarios

import (
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// serve handles requests to http://site.example: git repositories under /git/ and pages elsewhere. The ETag
// of a page is its content.
func (w *machine) serve(answer http.ResponseWriter, request *http.Request) {
	if strings.HasPrefix(request.URL.Path, "/git/") {
		backend := cgi.Handler{
			Path: w.git("--exec-path") + "/git-http-backend", Root: "/git",
			Env: []string{"GIT_PROJECT_ROOT=" + filepath.Join(w.tmp, "git"), "GIT_HTTP_EXPORT_ALL=1"},
		}
		backend.ServeHTTP(answer, request)
		return
	}
	content, ok := w.pages[request.URL.Path]
	if !ok {
		http.NotFound(answer, request)
		return
	}
	answer.Header().Set("ETag", `"`+content+`"`)
	_, _ = answer.Write([]byte(content))
}

// commit commits a file to the repository http://site.example/git/NAME.git, and creates the repository if
// necessary.
func (w *machine) commit(repository, file, content string) {
	w.t.Helper()
	dir := filepath.Join(w.tmp, "git", repository+".git")
	if _, err := os.Stat(dir); err != nil {
		w.git("init", "--quiet", "--initial-branch=main", dir)
	}
	require.NoError(w.t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644))
	w.git("-C", dir, "add", file)
	w.git("-C", dir, "-c", "user.name=tester", "-c", "user.email=tester@example.com", "commit", "--quiet", "--message", content)
}

func (w *machine) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = w.environment()
	output, err := cmd.CombinedOutput()
	require.NoError(w.t, err, string(output))
	return strings.TrimSpace(string(output))
}
