FROM scratch
ADD rootfs.tar.xz /
COPY etc/ /etc/
CMD ["/bin/sh"]
