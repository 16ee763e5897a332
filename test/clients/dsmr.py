"""Reads telegrams with dsmr-parser, as Home Assistant's `dsmr` integration does: dsmr.py URL COUNT [VERSION], one JSON object each."""

import asyncio
import json
import sys

from dsmr_parser.clients.protocol import create_dsmr_reader


async def main(url: str, count: int, version: str) -> None:
    telegrams: asyncio.Queue = asyncio.Queue()
    transport, _ = await create_dsmr_reader(url, version, telegrams.put_nowait)
    print("connected", flush=True)
    for _ in range(count):
        telegram = await telegrams.get()
        values = {
            name: {"value": str(item.value), "unit": item.unit}
            for name, item in telegram
            if hasattr(item, "value")
        }
        print(json.dumps(values), flush=True)
    transport.close()


version = sys.argv[3] if len(sys.argv) > 3 else "5"
asyncio.run(asyncio.wait_for(main(sys.argv[1], int(sys.argv[2]), version), 40))
