FROM debian:12
RUN git clone https://github.com/acme/tool.git /tool && make -C /tool
RUN wget -O /usr/bin/jq "https://github.com/jqlang/jq/releases/latest/download/jq-linux64"
RUN echo $RANDOM > /seed; export NOW="$(date +%s)"
RUN git clone --branch v1.2.3 https://github.com/acme/tool.git /fixed
ADD https://example.com/tool-1.2.tar.gz /tmp/
ADD config.json /etc/app/config.json
# layercache:ignore time-dependent-run
RUN date
