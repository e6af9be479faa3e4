# Darkroom's image: docs/install.md says how to use it. It is built for amd64 and arm64 from the same pins.
FROM python:3.11-slim AS build
# Nothing of binutils comes into the image, so any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_QUIET=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements/build.lock requirements/image.lock requirements/
RUN python -m pip install --require-hashes -r requirements/build.lock \
    && python -m venv --without-pip /opt/darkroom \
    && python -m pip --python /opt/darkroom/bin/python install --no-compile --no-deps --require-hashes \
        -r requirements/image.lock
# What libraries bring for their own tests, and names for debuggers, take 60 MB.
RUN find /opt/darkroom/lib -type d -name tests -prune -exec rm -r {} + \
    && find /opt/darkroom/lib -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} +
COPY . .
RUN python -m hatchling build -t wheel -d /wheel \
    && python -m pip --python /opt/darkroom/bin/python install --no-compile --no-deps --no-index /wheel/*.whl \
    && /opt/darkroom/bin/python -m compileall -q -j 0 /opt/darkroom/lib

FROM python:3.11-slim
# The bytecode of Python's own modules is not in its image, and cannot be written where the root is read-only.
RUN python -m pip uninstall --quiet --yes --root-user-action=ignore pip setuptools wheel \
    && python -m compileall -q -j 0 -x '/(ensurepip|idlelib|lib2to3|pydoc_data|tkinter|turtledemo)/' /usr/local/lib/python3.11 \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin darkroom \
    && install --directory --owner=darkroom --group=darkroom --mode=0700 /data
COPY --from=build /opt/darkroom /opt/darkroom
ENV PATH=/opt/darkroom/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DARKROOM_DATA_DIR=/data/darkroom \
    DARKROOM_PULSE_FILE=/tmp/darkroom-pulse \
    DARKROOM_WEB_HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8420
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m \
    CMD ["python", "-c", "import os, sys, time; sys.exit(time.time() - os.stat(os.environ['DARKROOM_PULSE_FILE']).st_mtime > 60)"]
ENTRYPOINT ["darkroom"]
CMD ["start"]
LABEL org.opencontainers.image.title="Darkroom" \
    org.opencontainers.image.description="ComfyUI workflows in Discord, in Telegram and on a web page" \
    org.opencontainers.image.licenses="MIT"
