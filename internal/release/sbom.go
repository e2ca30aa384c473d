package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/toolchain"
)

// list writes NAME.cdx.json, the modules in a program as CycloneDX: https://cyclonedx.org/docs/1.6/json/. They
// are read from the program itself. edits were made to the program's source.
func (m maker) list(ctx context.Context, program, programVersion, name string, edits []toolchain.Edit) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	if info.GoVersion != m.goVersion {
		return fmt.Errorf("%s was compiled with %s, not with %s of go.mod: remove its folder and run again", program, info.GoVersion, m.goVersion)
	}
	target := filepath.Join(m.unpacked, name+".json")
	cmd := exec.CommandContext(ctx, "go", "tool", "-modfile="+filepath.Join("internal", "tools", "go.mod"), "cyclonedx-gomod", "bin",
		"-json", "-output-version", "1.6", "-noserial", "-notimestamp", "-std", "-version", programVersion, "-output", target, program)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("list the modules of %s: %w\n%s", program, err, out)
	}
	content, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	content, err = complete(content, edits)
	if err != nil {
		return fmt.Errorf("list the modules of %s: %w", program, err)
	}
	return os.WriteFile(filepath.Join(m.dir, name+".cdx.json"), content, 0o644)
}

// complete returns the list with the files of the program's source that were edited, and without the digests of the
// tool that made the list, which depend on where this machine compiled it.
func complete(list []byte, edits []toolchain.Edit) ([]byte, error) {
	var content map[string]any
	if err := json.Unmarshal(list, &content); err != nil {
		return nil, err
	}
	metadata, _ := content["metadata"].(map[string]any)
	if err := removeToolHashes(metadata); err != nil {
		return nil, err
	}
	if len(edits) > 0 {
		component, ok := metadata["component"].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the list does not name its program in metadata.component")
		}
		component["pedigree"] = map[string]string{"notes": "source edited by layercache: " + strings.Join(editedFiles(edits), ", ")}
	}
	text, err := json.MarshalIndent(content, "", "  ")
	return append(text, '\n'), err
}

func removeToolHashes(metadata map[string]any) error {
	tools, _ := metadata["tools"].([]any)
	if len(tools) == 0 {
		return fmt.Errorf("the list does not name its tool in metadata.tools")
	}
	for _, tool := range tools {
		if known, ok := tool.(map[string]any); ok {
			delete(known, "hashes")
		}
	}
	return nil
}

// editedFiles returns the paths of the edited files, each once.
func editedFiles(edits []toolchain.Edit) []string {
	var files []string
	for _, edit := range edits {
		files = append(files, edit.File)
	}
	slices.Sort(files)
	return slices.Compact(files)
}
