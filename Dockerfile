# The fixture server as a small image without root, from the wheel that `make wheel` builds:
#   make wheel && docker build -t bedrock-frames .
#   docker run --rm -p 4010:4010 -v "$PWD/fixtures:/fixtures:ro" bedrock-frames
# PYTHON is the version that the wheel is for.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS installed
ENV PIP_NO_CACHE_DIR=1
COPY target/manylinux/*.whl docker/install.sh /tmp/
RUN ["sh", "-c", "/tmp/install.sh /tmp/*.whl /opt/bedrock-frames"]

FROM python:${PYTHON}-slim
COPY --from=installed /opt/bedrock-frames /opt/bedrock-frames
COPY docker/healthy.py /opt/healthy.py
COPY examples/fixtures /fixtures
ENV PATH=/opt/bedrock-frames/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 4010
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/opt/bedrock-frames/bin/python", "/opt/healthy.py"]
ENTRYPOINT ["/opt/bedrock-frames/bin/bedrock-frames"]
# The control API is closed to other machines; with `--control-token` it may be opened.
CMD ["serve", "--host", "0.0.0.0", "--port", "4010", "--no-control", "/fixtures"]
