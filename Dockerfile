# The service, ready to run as a user without rights on a read-only file system.
# The tag is pinned, not the digest: a rebuild takes the fixes of Debian and of Python 3.11.
FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
COPY requirements.txt /build/
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: -r /build/requirements.txt
# .dockerignore names what belongs into the image.
COPY . /app/
# Readable whatever the umask of the checkout was; compiled here, because nothing can be written later.
RUN chmod -R a+rX,go-w /app \
    && python -m compileall -q --invalidation-mode unchecked-hash /app

FROM python:3.11-slim-bookworm
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pyro-storage" \
      org.opencontainers.image.description="Keeps wildfire-camera pictures and their annotations safe, and lets people curate them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# For previews of videos. As Debian has it, with its fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
# A fixed number, so that the owners of volumes are known. The folders exist so that volumes mounted over them
# are born with this owner.
RUN groupadd --gid 10001 pyro \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pyro \
    && install -d -o pyro -g pyro -m 0750 /data /spool /proxy-spool /objects /secrets /secrets/app /secrets/db /secrets/s3 \
    && python -m pip uninstall --yes --quiet pip setuptools wheel
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8080 \
    DATA_DIR=/data \
    TMPDIR=/spool
WORKDIR /app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# Is the process alive? Whether database and store answer is /readyz: a restart here would not bring them back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "deploy.is_alive"]
ENTRYPOINT ["python", "-m", "deploy.entrypoint"]
CMD ["gunicorn", "-c", "pyrostorage_site/gunicorn_conf.py", "pyrostorage_site.wsgi:application"]
