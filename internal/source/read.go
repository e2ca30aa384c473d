package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFileSize is the maximum size of a Dockerfile, an ignore file or a policy in bytes.
const maxFileSize = 4 << 20

// ReadFile reads a Dockerfile or an ignore file. The author of the source may have made it a symlink to any
// file on the machine, so ReadFile refuses a symlink out of the file's folder; BuildKit does not follow such
// a symlink either. It also refuses anything but a regular file of at most 4 MiB.
func ReadFile(path string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := filepath.Base(path)
	if err := checkFile(root, name, path); err != nil {
		return nil, err
	}
	return root.ReadFile(name)
}

// checkFile returns an error unless name is a regular file of at most maxFileSize in root. The error calls it
// path.
func checkFile(root *os.Root, name, path string) error {
	info, err := root.Stat(name)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return checkInfo(info, path)
}

// checkInfo returns an error unless info describes a regular file of at most maxFileSize.
func checkInfo(info fs.FileInfo, path string) error {
	if !info.Mode().IsRegular() || info.Size() > maxFileSize {
		return fmt.Errorf("%s is not a regular file of at most %d MiB", path, maxFileSize>>20)
	}
	return nil
}

// CheckSize returns an error if a file in dir, which buildx reads whole, is a pipe, a device or larger than 4 MiB. Missing
// files and folders are no error here: buildx reports them. A file that is visibly outside of dir is trusted, and may
// be a pipe.
func CheckSize(dir, path string) error {
	name, inside, err := relative(dir, path)
	if err != nil || !inside {
		return err
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || info.IsDir() {
		return nil
	}
	return checkInfo(info, path)
}

// policyRemedy is the advice for a policy that is refused.
const policyRemedy = "buildx would read it as a policy of the build: put the policy file itself into the build context, or remove it"

// CheckRead returns an error if a file that buildx or BuildKit read without being asked is not a regular file
// of at most 4 MiB inside dir: the Dockerfile, its ignore file, its policy and the policy's imports. buildx
// follows any symlink to a policy, and prints the lines that it cannot parse. Missing files are no error
// here: buildx reports them. Pass an empty dockerfile if the Dockerfile does not come from a file.
//
// https://docs.docker.com/build/policies/
func CheckRead(dir, dockerfile string) error {
	const remedy = "replace it with a small regular file"
	if err := checkReachable(dir, ".dockerignore", remedy); err != nil || dockerfile == "" {
		return err
	}
	dockerfile = Dockerfile(dockerfile)
	folder, name := filepath.Split(dockerfile)
	if err := checkIn(folder, name, remedy); err != nil {
		return err
	}
	if err := checkReachable(folder, name+".dockerignore", remedy); err != nil {
		return err
	}
	policy := dockerfile + ".rego"
	if _, err := os.Lstat(policy); err != nil {
		return nil
	}
	root, relative := policyRoot(dir, policy)
	if err := checkIn(root, relative, policyRemedy); err != nil {
		return err
	}
	return checkImports(dir)
}

// CheckPolicy applies the checks of CheckRead to a policy that the arguments name, a path relative to dir.
func CheckPolicy(dir, policy string) error {
	if err := checkReachable(dir, policy, policyRemedy); err != nil {
		return err
	}
	return checkImports(dir)
}

// checkIn returns an error with the remedy unless the file is missing or passes checkFile.
func checkIn(dir, name, remedy string) error {
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil // buildx reports the missing folder.
	}
	defer root.Close()
	path := filepath.Join(dir, name)
	err = checkFile(root, name, path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if leads, _ := LeadsOut(dir, name); leads {
		return fmt.Errorf("%s is a symlink that leads out of %s: %s", path, filepath.Clean(dir), remedy)
	}
	return fmt.Errorf("%w: %s", err, remedy)
}

// checkReachable is checkIn for files that buildx and BuildKit do not read through a symlink out of dir: such
// a symlink counts as a missing file.
func checkReachable(dir, name, remedy string) error {
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil // buildx reports the missing folder.
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil
	}
	if err := checkInfo(info, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return nil
}

// Dockerfile returns the file that buildx uses for the path of a Dockerfile: "dockerfile" if there is no
// "Dockerfile" in the folder.
//
// https://github.com/moby/moby/pull/10858
func Dockerfile(path string) string {
	folder, name := filepath.Split(path)
	if name != "Dockerfile" {
		return path
	}
	small := filepath.Join(folder, "dockerfile")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return path
	}
	if _, err := os.Lstat(small); err != nil {
		return path
	}
	return small
}

// policyRoot returns the folder that must contain a Dockerfile's policy, and the policy's path in it: the
// build context, or the Dockerfile's folder if that is outside of the context.
func policyRoot(dir, policy string) (root, relative string) {
	folder, name := filepath.Split(policy)
	folder = filepath.Clean(folder)
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return folder, name
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return folder, name
	}
	if inside, err := filepath.Rel(dir, real); err == nil && filepath.IsLocal(inside) {
		return dir, filepath.Join(inside, name)
	}
	return folder, name
}

// checkImports returns an error if a policy file in the context fails checkReachable, because a policy can
// import any of them by name. buildx does not follow a symlink out of the context for an import.
func checkImports(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil // buildx reports the missing folder.
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".rego" {
			return nil // buildx cannot read the file either.
		}
		return checkReachable(dir, path, policyRemedy)
	})
}

// LeadsOut reports whether a symlink leads the path out of dir. The author of the source wrote that symlink, and the
// build would read or write the file that it points to. A path that is visibly outside, such as ../x or /x, is
// intended and returns false.
func LeadsOut(dir, path string) (bool, error) {
	path, inside, err := relative(dir, path)
	if err != nil || !inside {
		return false, err
	}
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	if _, err := root.Stat(path); err == nil || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	// root follows no absolute symlink, not even one that leads inside.
	target, err := filepath.EvalSymlinks(filepath.Join(dir, path))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), nil
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return false, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return false, err
	}
	if target, err = filepath.Abs(target); err != nil {
		return false, err
	}
	resolved, err := filepath.Rel(dir, target)
	return err != nil || !filepath.IsLocal(resolved), nil
}

// relative returns the path relative to dir, and whether it is inside by its text. A path may be relative to dir already.
func relative(dir, path string) (name string, inside bool, err error) {
	if filepath.IsLocal(path) {
		return path, true, nil // Not cleaned: x/.. leads elsewhere if x is a symlink.
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false, err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	name, err = filepath.Rel(dir, path)
	return name, err == nil && filepath.IsLocal(name), nil
}

// LayoutNames returns the files and folders that BuildKit's clients use in a folder with an OCI image layout, which a
// local cache is too.
//
// https://github.com/moby/buildkit/blob/v0.34.2/client/solve.go
func LayoutNames() []string {
	return []string{"blobs", "ingest", "index.json", "index.json.lock", "oci-layout", "cache.lock"}
}

// CheckLayout returns an error if a folder with an OCI image layout in dir has a symlink, a pipe or a device in place of
// a file or folder that BuildKit's clients use. They follow symlinks, and run outside every step. A folder that is
// visibly outside of dir is trusted.
func CheckLayout(dir, path string) error {
	name, inside, err := relative(dir, path)
	if err != nil || !inside {
		return err
	}
	return fs.WalkDir(os.DirFS(filepath.Join(dir, name)), ".", func(entry string, d fs.DirEntry, err error) error {
		top, _, _ := strings.Cut(entry, "/")
		switch {
		case err != nil: // BuildKit cannot use it either.
			return nil
		case entry != "." && !slices.Contains(LayoutNames(), top):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || d.Type().IsRegular():
			return nil
		}
		return fmt.Errorf("%s is not a regular file or folder, and BuildKit would read or write through it: remove it", filepath.Join(path, entry))
	})
}
