"""Reads a Shelly with aioshelly, as Home Assistant's `shelly` does: shelly.py HOST PORT. HTTP first, then WebSocket, one JSON
object each; after "waiting", one for the first update that a notification brings; "disconnected"; the error of a new attempt."""

import asyncio
import json
import sys

from aiohttp import ClientSession
from aioshelly.common import ConnectionOptions, get_info
from aioshelly.exceptions import ShellyError
from aioshelly.rpc_device import RpcDevice, RpcUpdateType, WsServer


async def main(host: str, port: int) -> None:
    async with ClientSession() as session:
        print(json.dumps(await get_info(session, host, port=port)), flush=True)
        device = await RpcDevice.create(session, WsServer(), ConnectionOptions(host, port=port))
        await device.initialize()
        answer = {"model": device.model, "name": device.name, "gen": device.gen, "em": device.status["em:0"]}
        answer["energy"] = device.status["emdata:0"]
        print(json.dumps(answer), flush=True)
        updates: asyncio.Queue = asyncio.Queue()
        device.subscribe_updates(lambda device, kind: updates.put_nowait(kind))
        print("waiting", flush=True)
        while await updates.get() != RpcUpdateType.STATUS:
            pass
        print(json.dumps(device.status["em:0"]), flush=True)
        while await updates.get() != RpcUpdateType.DISCONNECTED:
            pass
        print("disconnected", flush=True)
        try:
            await device.initialize()
            print(json.dumps("still data"), flush=True)
        except ShellyError as error:
            print(json.dumps(repr(error)), flush=True)
        await device.shutdown()


asyncio.run(asyncio.wait_for(main(sys.argv[1], int(sys.argv[2])), 60))
