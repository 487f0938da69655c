# One image. web, the workers and beat differ by command; compose.yaml has them all.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /app

# Everything has a wheel: no compiler, no second stage.
COPY requirements.txt .
RUN sed '/^# Not in the image/,$d' requirements.txt > /tmp/image.txt \
    && pip install -r /tmp/image.txt \
    && rm /tmp/image.txt

COPY . .

# Bytecode belongs to root and is made here; the program can write to /data alone, where
# it keeps the customer files.
RUN python -m compileall -q . \
    && useradd --system --uid 10001 --no-create-home desk \
    && install --directory --owner desk --mode 700 /data

# Settings want their secrets even for this; none of these is used for anything.
RUN mkdir staticfiles \
    && DATABASE_URL=postgresql://build REDIS_URL=redis://build SECRET_KEY=build \
    FIELD_ENCRYPTION_KEYS=build NATIONAL_ID_KEY=build \
    WHATSAPP_APP_SECRET=build WHATSAPP_VERIFY_TOKEN=build \
    python manage.py collectstatic --noinput --verbosity 0

ENV MEDIA_ROOT=/data \
    PORT=8000 \
    GRANIAN_HOST=0.0.0.0 \
    GRANIAN_INTERFACE=asginl \
    GRANIAN_HTTP=1 \
    GRANIAN_WEBSOCKETS=false \
    GRANIAN_WORKERS=2 \
    GRANIAN_BACKPRESSURE=4096 \
    GRANIAN_HTTP1_BUFFER_SIZE=65536 \
    GRANIAN_RESPAWN_FAILED_WORKERS=true \
    GRANIAN_WORKERS_KILL_TIMEOUT=20

USER desk
VOLUME /data
EXPOSE 8000

# For web, which is the default command.
HEALTHCHECK --interval=15s --timeout=6s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=5)"]

CMD ["sh", "-c", "exec granian --port \"$PORT\" config.asgi:application"]
