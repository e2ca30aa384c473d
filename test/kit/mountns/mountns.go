// Package mountns runs programs in a mount namespace of their own.
package mountns

// Enter is a script of sh that runs a program with its own folder for builders. Its arguments are this folder, the
// program, and the program's arguments.
const Enter = `mkdir -p /var/lib/layercache && mount --bind "$0" /var/lib/layercache && exec "$@"`
