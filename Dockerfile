# The steps are those of the README: Python 3.11, scripts/install. Build: docker build -t insight-journey .
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY . .
RUN scripts/install tiny
RUN .venv/bin/python -m pip uninstall --quiet --yes setuptools pip

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home journey && install -d -o journey -m 0700 /data
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH IJ_HOME=/data IJ_HOST=0.0.0.0
USER journey
WORKDIR /data
EXPOSE 5000
ENTRYPOINT ["insight-journey"]
CMD ["run", "api"]
