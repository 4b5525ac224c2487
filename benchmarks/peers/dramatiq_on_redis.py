"""Dramatiq with its Redis broker; a message is in a hash until it is acknowledged."""

from __future__ import annotations

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from peer import program, redis_url

dramatiq.set_broker(RedisBroker(url=redis_url()))


@dramatiq.actor
def noop() -> None:
    pass


class OnRedis:
    durable = "Redis, appendfsync always; a crash is noticed after 60 s"
    distributions = ("dramatiq", "redis")

    def __init__(self) -> None:
        self._redis = redis.Redis.from_url(redis_url())
        self._sent = 0

    def submit(self, count: int) -> None:
        for _ in range(count):
            noop.send()
        self._sent += count

    def done(self) -> int:
        return self._sent - int(self._redis.hlen("dramatiq:default.msgs"))

    def workers(self) -> list[list[str]]:
        return [[program("dramatiq"), "dramatiq_on_redis", "-p", "2", "-t", "8"]]


def peer() -> OnRedis:
    return OnRedis()
