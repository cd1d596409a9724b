# docker build --tag reconciler .
# docker run --rm --volume "$PWD:/work" reconciler validate
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY examples/quickstart examples/quickstart
COPY reconciler reconciler
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.12-slim
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels twilio-reconciler \
    && useradd --uid 10001 --create-home reconciler
USER 10001
WORKDIR /work
ENTRYPOINT ["reconciler"]
CMD ["--help"]
