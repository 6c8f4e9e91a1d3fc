"""`python echo_upstream.py PORT NAME [SECONDS]`: an HTTP server that answers NAME to everything, after SECONDS.

Of its own, because `http.server` writes head and body apart and so waits 40 ms for a delayed acknowledgement.
"""

import asyncio
import contextlib
import re
import sys


async def serve(port: int, name: bytes, seconds: float) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                await asyncio.sleep(seconds)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    delay = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2].encode(), delay))
