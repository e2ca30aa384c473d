# Writes 2,000 files of 50 kB, hexadecimal digits of random bytes, as an installer of packages writes what it was sent.
set -e
mkdir installed
sleep 2 # for the packages to arrive
i=0
while [ $i -lt 2000 ]; do
  head -c 17000 /dev/urandom | od -An -v -tx1 > installed/$i
  i=$((i + 1))
done
cp dependencies.txt installed/
