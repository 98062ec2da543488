# The service's image with PostgreSQL's own pg_dump and pg_restore, which need Perl and 60 MB: what serves has neither.
# Their major version is that of the server in docker-compose.yml, or later.
FROM pyro-storage:local
USER 0:0
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15=15.* \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
