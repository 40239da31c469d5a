# docker build -t aircall-mcp .
# docker run -i --rm -e AIRCALL_API_ID -e AIRCALL_API_TOKEN aircall-mcp

# Of this very image, where `make pin` has written it: @sha256:…
ARG DIGEST=""
FROM python:3.13-slim${DIGEST} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /app
COPY requirements.lock requirements-build.lock ./
# Wheels alone: nothing of a dependency runs while it is installed, and no compiler is needed.
RUN /app/bin/pip install --require-hashes --only-binary :all: -r requirements.lock \
    && python -m pip install --require-hashes --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY server ./server
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /app/bin/pip install --no-deps --no-index /wheel/*.whl \
    && /app/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim${DIGEST}
LABEL io.modelcontextprotocol.server.name="io.github.aircall-mcp/aircall-mcp" \
      org.opencontainers.image.title="aircall-mcp" \
      org.opencontainers.image.source="https://github.com/aircall-mcp/aircall-mcp" \
      org.opencontainers.image.licenses="MIT"
ENV PATH="/app/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIRCALL_MCP_HOME=/home/aircall/aircall-mcp
# The base image brings certificates and time zones; both are needed, so their absence fails here.
RUN test -s /etc/ssl/certs/ca-certificates.crt \
    && test -e /usr/share/zoneinfo/Europe/Paris \
    && useradd --create-home --uid 10001 --shell /usr/sbin/nologin aircall
COPY --from=build /app /app
USER 10001
WORKDIR /home/aircall
# It speaks over stdio: the client that started it sees at once when it is gone.
HEALTHCHECK NONE
ENTRYPOINT ["aircall-mcp"]
CMD ["serve"]
