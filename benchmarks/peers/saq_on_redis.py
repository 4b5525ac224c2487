"""SAQ with its Redis queue; a job is in a sorted set until it is complete."""

from __future__ import annotations

import asyncio
from typing import Any

import redis
from peer import program, redis_url
from saq import Queue

queue = Queue.from_url(redis_url())


async def noop(context: Any) -> int:
    return 1


settings = {"queue": queue, "functions": [noop], "concurrency": 10}


class OnRedis:
    durable = "Redis, appendfsync always; a crash is noticed after 60 s"
    distributions = ("saq", "redis")

    def __init__(self) -> None:
        self._redis = redis.Redis.from_url(redis_url())
        self._loop = asyncio.new_event_loop()
        self._sent = 0

    def submit(self, count: int) -> None:
        async def each() -> None:
            for _ in range(count):
                await queue.enqueue("noop")

        self._loop.run_until_complete(each())
        self._sent += count

    def done(self) -> int:
        return self._sent - int(self._redis.zcard("saq:default:incomplete"))

    def workers(self) -> list[list[str]]:
        return [[program("saq"), "saq_on_redis.settings", "-q"]] * 2


def peer() -> OnRedis:
    return OnRedis()
