package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// sumsName is the name of the file with the checksums, in the form of sha256sum.
const sumsName = "SHA256SUMS"

// writeSums writes the checksums of the files in the folder, sorted by name.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, entry := range entries {
		sum, err := sumOf(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum, entry.Name())
	}
	return os.WriteFile(filepath.Join(dir, sumsName), sums.Bytes(), 0o644)
}

func sumOf(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hash.Sum(nil), err
}

// keep moves the folder of the release to its place. If the same version is there already, it must have the
// same checksums, and stays.
func keep(made, place string, progress io.Writer) error {
	sums, err := os.ReadFile(filepath.Join(made, sumsName))
	if err != nil {
		return err
	}
	earlier, err := os.ReadFile(filepath.Join(place, sumsName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Rename(made, place); err != nil {
			return err
		}
		fmt.Fprintf(progress, "%s", sums)
		fmt.Fprintf(progress, "the release is in %s\n", place)
		return nil
	case err != nil:
		return err
	case !bytes.Equal(earlier, sums):
		return fmt.Errorf("%s has other checksums than this run; if it was made from another commit or other options, remove it. This run:\n%s", place, sums)
	}
	fmt.Fprintf(progress, "%s is the same as before, byte for byte\n", place)
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return writeFile(source, to, 0o644)
}

// extract writes one file of a zip.
func extract(path, name, to string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	source, err := archive.Open(name)
	if err != nil {
		return err
	}
	defer source.Close()
	return writeFile(source, to, 0o755)
}

func writeFile(source io.Reader, to string, mode os.FileMode) error {
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}
