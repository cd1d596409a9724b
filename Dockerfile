# docker build --tag reconciler .
# docker run --rm --volume "$PWD:/work" reconciler validate
#
# The base image is pinned by the digest of its index, which covers all architectures; the tag only says what it is. To
# take a newer one: docker buildx imagetools inspect python:3.12-slim
FROM python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY examples/quickstart examples/quickstart
COPY examples/ci examples/ci
COPY docs/reference/codes.md docs/reference/codes.md
COPY docs/reference/codes.md docs/reference/codes.md
COPY reconciler reconciler
RUN python -m pip wheel --no-cache-dir --wheel-dir /wheels '.[all]'

FROM python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels 'twilio-reconciler[all]' \
    && useradd --uid 10001 --create-home reconciler
USER 10001
WORKDIR /work
ENTRYPOINT ["reconciler"]
CMD ["--help"]
