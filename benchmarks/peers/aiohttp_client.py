"""Python's aiohttp: aiohttp_client.py BASE_URL IN_FLIGHT SECONDS; prints how many calls were made."""
import asyncio
import sys
import time

import aiohttp

base_url, in_flight, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
body = {
    "model": "gpt-4o-mini",
    "messages": [
        {"role": "system", "content": "Answer in plain words."},
        {"role": "user", "content": "Which numbers would show whether line 7 has become worse since the summer?"},
    ],
    "temperature": 0.2,
}
calls = 0


async def place(session, end):
    global calls
    while time.monotonic() < end:
        async with session.post(base_url + "/chat/completions", json=body) as response:
            answer = await response.json()
        if answer["usage"]["total_tokens"] != 159:
            raise RuntimeError("another answer")
        calls += 1


async def main():
    headers = {"Authorization": "Bearer sk-benchmark"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        end = time.monotonic() + seconds
        await asyncio.gather(*(place(session, end) for _ in range(in_flight)))


asyncio.run(main())
print(calls)
