package baseimage

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// busyboxRecipe returns a small system like the busybox image: one static program with all its applets,
// users, CA certificates, /tmp.
func busyboxRecipe() (*recipe, error) {
	program, err := staticBusybox()
	if err != nil {
		return nil, err
	}
	listed, err := exec.Command(program, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list the applets of %s: %w", program, err)
	}
	certificates, err := caBundle()
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	authorities, err := os.ReadFile(certificates)
	if err != nil {
		return nil, err
	}
	applets := strings.Fields(string(listed))
	return &recipe{
		origin: "made of this machine's busybox",
		key:    []string{program, info.ModTime().String(), fmt.Sprint(info.Size()), string(listed), string(authorities)},
		config: v1.Config{Env: []string{"PATH=" + systemPath}, Cmd: []string{"sh"}},
		layers: []func(*layer) error{func(l *layer) error { return system(l, program, applets, certificates) }},
	}, nil
}

// staticBusybox returns the path of a statically linked busybox.
func staticBusybox() (string, error) {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return "", errors.New("a stand-in needs a static busybox: apt-get install busybox-static")
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return "", err
	}
	binary, err := elf.Open(program)
	if err != nil {
		return "", fmt.Errorf("a stand-in needs Linux programs, and %s is not one: %w", program, err)
	}
	defer binary.Close()
	libraries, err := binary.ImportedLibraries()
	if err == nil && len(libraries) > 0 {
		return "", fmt.Errorf("a stand-in needs a static busybox, and %s needs %s: apt-get install busybox-static", program, strings.Join(libraries, ", "))
	}
	return program, nil
}

// caBundle returns the path of this machine's CA certificates: the file in SSL_CERT_FILE, else one of the
// usual paths on Linux.
func caBundle() (string, error) {
	candidates := []string{
		os.Getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem",
	}
	for _, file := range candidates {
		if info, err := os.Stat(file); file != "" && err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", errors.New("a stand-in needs CA certificates, and this machine has none: apt-get install ca-certificates")
}

func system(l *layer, program string, applets []string, certificates string) error {
	problems := []error{
		l.file("bin/busybox", 0o755, program),
		l.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
		l.text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
		l.text("etc/nsswitch.conf", "hosts: files dns\n"),
		l.file("etc/ssl/certs/ca-certificates.crt", 0o644, certificates),
		l.dir("root", 0o700),
		l.dir("tmp", 0o1777),
		l.dir("var/tmp", 0o1777),
		l.dir("usr/bin", 0o755),
		l.link("usr/bin/env", "/bin/busybox"),
	}
	for _, applet := range applets {
		if applet != "busybox" {
			problems = append(problems, l.link("bin/"+applet, "/bin/busybox"))
		}
	}
	return errors.Join(problems...)
}
