"""Ways to send requests: at given times, or so many at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

# Sends request number i, and waits for its answer.
Send = Callable[[int], Awaitable[None]]


async def open_loop(
    send: Send, rate: float, seconds: float, seed: int
) -> tuple[list[float], int]:
    """Sends at random times; returns latencies (s) and the failures."""
    latencies: list[float] = []
    failures = 0
    clock = asyncio.get_running_loop().time
    rng = random.Random(seed)

    async def one(number: int, due: float) -> None:
        nonlocal failures
        try:
            await send(number)
        except Exception:  # noqa: BLE001
            failures += 1
        else:
            latencies.append(clock() - due)

    tasks = set()
    start = due = clock()
    number = 0
    while due < start + seconds:
        await asyncio.sleep(max(0.0, due - clock()))
        task = asyncio.create_task(one(number, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
        due += rng.expovariate(rate)
    if tasks:
        await asyncio.wait(tasks)
    return latencies, failures


async def closed_loop(
    send: Send, concurrency: int, seconds: float
) -> tuple[list[float], int]:
    """Sends the next when one is answered; returns latencies, failures."""
    latencies: list[float] = []
    failures = 0
    end = time.perf_counter() + seconds

    async def client(first: int) -> None:
        nonlocal failures
        number = first
        while (start := time.perf_counter()) < end:
            try:
                await send(number)
            except Exception:  # noqa: BLE001
                failures += 1
            else:
                latencies.append(time.perf_counter() - start)
            number += concurrency

    await asyncio.gather(*(client(first) for first in range(concurrency)))
    return latencies, failures
