package baseimage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// debianSuite is the release of Debian that stand-ins are made of; debianMirror is where its packages are.
const (
	debianSuite  = "bookworm"
	debianMirror = "http://deb.debian.org/debian"
)

// debianPackages are the packages of the stand-ins that are made of Debian. The Rust toolchain comes from this machine,
// because Debian's is too old for current crates.
var debianPackages = map[string][]string{
	"debian": nil,
	"python": {"python3", "python3-pip"},
	"maven":  {"maven", "default-jdk-headless"},
	"rust":   {"gcc", "libc6-dev"},
}

// debianRecipe returns a Debian system with some packages installed. Their files keep the mirror's times, so the
// stand-in is made once per machine and not the same on every machine.
func debianRecipe(ctx context.Context, repository string) (*recipe, error) {
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return nil, fmt.Errorf("a stand-in for %s needs debootstrap: apt-get install debootstrap", repository)
	}
	certificates, err := caBundle()
	if err != nil {
		return nil, err
	}
	authorities, err := os.ReadFile(certificates)
	if err != nil {
		return nil, err
	}
	packages := debianPackages[repository]
	r := &recipe{
		origin: strings.TrimSpace("made of Debian " + debianSuite + " " + strings.Join(packages, " ")),
		key:    append([]string{"debian", debianSuite, string(authorities)}, packages...),
		// The registries of a closed network may have a certificate that only this machine trusts.
		config: v1.Config{Cmd: []string{"bash"}, Env: []string{
			"PATH=" + systemPath, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
			"CARGO_HTTP_CAINFO=/etc/ssl/certs/ca-certificates.crt", "PIP_BREAK_SYSTEM_PACKAGES=1",
		}},
		layers: []func(*layer) error{func(l *layer) error { return debianSystem(l, packages, certificates) }},
	}
	if repository != "rust" {
		return r, nil
	}
	sysroot, err := exec.CommandContext(ctx, "rustc", "--print", "sysroot").Output()
	if err != nil {
		return nil, fmt.Errorf("a stand-in for rust needs a Rust toolchain on PATH: %w", err)
	}
	version, err := exec.CommandContext(ctx, "rustc", "--version").Output()
	if err != nil {
		return nil, err
	}
	toolchain := strings.TrimSpace(string(sysroot))
	r.origin += " and this machine's " + strings.TrimSpace(string(version))
	r.key = append(r.key, toolchain, string(version))
	r.setEnv("PATH", "/usr/local/rust/bin:"+systemPath)
	r.setEnv("CARGO_HOME", "/usr/local/cargo")
	r.layers = append(r.layers, func(l *layer) error { return l.tree("usr/local/rust", toolchain, unneededByRust) })
	return r, nil
}

// unneededByRust reports whether no build reads a file of a Rust toolchain.
func unneededByRust(file string) bool {
	return strings.HasPrefix(file, "share/") || file == "lib/rustlib/src"
}

// javaCertificates is where Debian's Java has its certificates.
const javaCertificates = "etc/ssl/certs/java/cacerts"

// install installs packages into the system in $1. Java's installation needs /proc, which is mounted in a mount
// namespace of its own.
const install = `root="$1" && shift && mount -t proc proc "$root/proc" && cp /etc/resolv.conf "$root/etc/resolv.conf" &&
chroot "$root" apt-get update && DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install --yes --no-install-recommends "$@"`

// debianSystem writes a Debian system. It has no package lists and no package files, as Debian's own images.
func debianSystem(l *layer, packages []string, certificates string) error {
	dir, err := os.MkdirTemp("", "layercache-debian-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := command(l.ctx, "debootstrap", "--variant=minbase", "--include=ca-certificates", debianSuite, dir, debianMirror); err != nil {
		return err
	}
	if len(packages) > 0 {
		args := append([]string{"--mount", "sh", "-ec", install, "install", dir}, packages...)
		if err := command(l.ctx, "unshare", args...); err != nil {
			return err
		}
	}
	if err := trust(dir, certificates); err != nil {
		return err
	}
	archived := exec.CommandContext(l.ctx, "tar", "--create", "--numeric-owner", "--directory", dir,
		"--exclude=./var/cache/apt/*.bin", "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*", "--exclude=./dev/*", ".")
	content, err := archived.StdoutPipe()
	if err != nil {
		return err
	}
	if err := archived.Start(); err != nil {
		return err
	}
	return errors.Join(l.archive(content), archived.Wait())
}

// trust replaces the certificates of a system by this machine's.
func trust(dir, certificates string) error {
	files := map[string]string{"etc/ssl/certs/ca-certificates.crt": certificates, javaCertificates: "/" + javaCertificates}
	for name, from := range files {
		content, err := os.ReadFile(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program. Its output is in the error.
func command(ctx context.Context, program string, args ...string) error {
	printed, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, printed[max(0, len(printed)-2000):])
	}
	return nil
}
