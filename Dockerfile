# One image for worker, beat, Flower and the command line; what it runs is the command.
FROM python:3.13.9-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/sync-tasks
COPY requirements-runtime.lock ./
RUN /opt/sync-tasks/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements-runtime.lock
COPY pyproject.toml setup.py README.md LICENSE ./
COPY sync_tasks sync_tasks
RUN /opt/sync-tasks/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13.9-slim-bookworm
# As for `make release`: the repository, as https://github.com/owner/name.
ARG PROJECT_URL=""
LABEL org.opencontainers.image.title="sync-tasks" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.source="${PROJECT_URL}" \
    org.opencontainers.image.description="The pipeline between a portal's newsletter subscriptions and Brevo" \
    org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin sync-tasks
COPY --from=build /opt/sync-tasks /opt/sync-tasks
COPY docker/entrypoint /usr/local/bin/entrypoint
ENV PATH=/opt/sync-tasks/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 10001
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["celery", "-A", "sync_tasks", "worker"]
