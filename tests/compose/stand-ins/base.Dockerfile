# Stands in for python:3.12-slim-bookworm: Debian, this machine's own Python 3.12, and the certificates this machine trusts.
FROM scratch
ADD debian.tar /
COPY certificates /usr/local/share/ca-certificates
COPY python /usr/local
RUN update-ca-certificates && ldconfig \
    && printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' > /etc/pip.conf \
    && python3.12 -c 'import bz2, ctypes, curses, lzma, readline, sqlite3, ssl, uuid, venv'
