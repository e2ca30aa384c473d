package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// largestFile is how long a Dockerfile, an ignore file or a policy may be.
const largestFile = 4 << 20

// ReadFile reads a Dockerfile or an ignore file. Who wrote the source may have made it a link to anything on the machine, so a
// link that leaves the file's folder is refused, as BuildKit does not follow it either; so is what is no file of a bounded size.
func ReadFile(path string) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := filepath.Base(path)
	if err := readable(root, name, path); err != nil {
		return nil, err
	}
	return root.ReadFile(name)
}

// readable returns an error for what is not a file of bounded size in root. path is its name for the error.
func readable(root *os.Root, name, path string) error {
	info, err := root.Stat(name)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return bounded(info, path)
}

// bounded returns an error for what is not a file, or one that is too long.
func bounded(info fs.FileInfo, path string) error {
	if !info.Mode().IsRegular() || info.Size() > largestFile {
		return fmt.Errorf("%s is no file, or one of more than %d MiB", path, largestFile>>20)
	}
	return nil
}

// policyRemedy says what to do about a policy that is not read.
const policyRemedy = "buildx would read it as a policy of the build: put the policy itself into the build context, or remove it"

// CheckRead refuses a folder of which buildx or BuildKit would read, by themselves, what is not a file of bounded size inside: the
// Dockerfile, an ignore file, the Dockerfile's policy and what it imports. buildx reads that policy through any link, and prints
// the lines that it does not understand. What is missing is left to buildx. dockerfile is empty where it is not a file.
//
// https://docs.docker.com/build/policies/
func CheckRead(dir, dockerfile string) error {
	const remedy = "write a file of that name there"
	if err := checkReachable(dir, ".dockerignore", remedy); err != nil || dockerfile == "" {
		return err
	}
	dockerfile = inSmallLetters(dockerfile)
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

// CheckPolicy refuses a policy that the arguments name, by its path below dir, as CheckRead does.
func CheckPolicy(dir, policy string) error {
	if err := checkReachable(dir, policy, policyRemedy); err != nil {
		return err
	}
	return checkImports(dir)
}

// checkIn is readable for a file that may be missing; the error says what to do.
func checkIn(dir, name, remedy string) error {
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil // buildx will say that there is no such folder.
	}
	defer root.Close()
	path := filepath.Join(dir, name)
	err = readable(root, name, path)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if leads, _ := LeadsOut(dir, name); leads {
		return fmt.Errorf("%s is a link that leads out of %s: %s", path, filepath.Clean(dir), remedy)
	}
	return fmt.Errorf("%w: %s", err, remedy)
}

// checkReachable is checkIn for a file that its reader does not reach by a link out of dir either: such a link is as good as none.
func checkReachable(dir, name, remedy string) error {
	root, err := os.OpenRoot(filepath.Clean(dir))
	if err != nil {
		return nil // buildx will say that there is no such folder.
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil
	}
	if err := bounded(info, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return nil
}

// inSmallLetters is the Dockerfile that buildx takes: dockerfile where there is no Dockerfile.
func inSmallLetters(path string) string {
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

// policyRoot is the folder that a Dockerfile's policy has to be inside of, and the policy's path there: the build context, or
// the Dockerfile's folder where that is elsewhere.
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

// checkImports refuses a policy's import that is too large to be read. Any file of the context can be one, by its name; buildx
// follows no link out of the context to it.
func checkImports(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil // buildx will say that there is no such folder.
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".rego" {
			return nil // What cannot be read here, buildx cannot read either.
		}
		return checkReachable(dir, path, policyRemedy)
	})
}

// LeadsOut reports whether a link leads the path, which is relative to dir, out of dir. Whoever wrote the source wrote the link,
// and a build would be given, or would write, what lies there. A path that says itself that it is outside is meant.
func LeadsOut(dir, path string) (bool, error) {
	if !filepath.IsLocal(path) {
		return false, nil
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
	// An absolute link may lead inside, which root does not follow.
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
	relative, err := filepath.Rel(dir, target)
	return err != nil || !filepath.IsLocal(relative), nil
}
