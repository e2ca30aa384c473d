//go:build !unix

package filelock

import "os"

func try(*os.File) (acquired bool, err error) { return true, nil }
