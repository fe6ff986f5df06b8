# The service alone: the suite's core and the extra `serve`. Built on slim Debian; runs without rights.
#   docker build -t lle-serve .   (a model folder goes to /models, see compose.yaml)
# torch brings CUDA along, gigabytes of it. For processors alone name an index that has torch without it:
#   docker build -t lle-serve --build-arg PIP_EXTRA_INDEX_URL=ADDRESS .
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin lle
WORKDIR /srv/lle

FROM base AS mlflow
COPY constraints.txt ./
RUN pip install --constraint constraints.txt mlflow && mkdir /mlflow && chown lle /mlflow
USER lle
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/health', timeout=4)"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--backend-store-uri", "sqlite:////mlflow/mlflow.db", "--artifacts-destination", "/mlflow/artifacts"]

FROM base AS serve
ARG PIP_EXTRA_INDEX_URL
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lle ./lle
RUN pip install --constraint constraints.txt '.[serve]' && mkdir /models
USER lle
WORKDIR /home/lle
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
# SIGTERM, which `docker stop` sends, finishes what was taken.
STOPSIGNAL SIGTERM
ENTRYPOINT ["lle", "serve", "--host", "0.0.0.0", "--port", "8080"]
CMD ["gamma"]
