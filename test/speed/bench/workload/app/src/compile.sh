# Some seconds of one core's work, and a program of 5 MB.
set -e
mkdir -p program
head -c 200000000 /dev/zero | sha256sum > program/checksum
head -c 1700000 /dev/urandom | od -An -v -tx1 > program/binary
cp src/revision program/
