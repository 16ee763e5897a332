"""Queries with python-homewizard-energy, as Home Assistant's `homewizard` does: homewizard.py HOST:PORT, one JSON object."""

import asyncio
import json
import sys
from dataclasses import asdict

from homewizard_energy import HomeWizardEnergy
from homewizard_energy.errors import RequestError


async def main(host: str) -> None:
    async with HomeWizardEnergy(host) as api:
        device = await api.device()
        data = await api.data()
        answer = {
            "serial": device.serial,
            "product_type": device.product_type,
            "api_version": device.api_version,
            "data": {key: value for key, value in asdict(data).items() if value is not None},
            "identify": await api.identify(),
        }
        print(json.dumps(answer, default=str), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        try:
            await HomeWizardEnergy.request.__wrapped__(api, "api/v1/data")
            print(json.dumps("still data"), flush=True)
        except RequestError as error:
            print(json.dumps(str(error)), flush=True)


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
