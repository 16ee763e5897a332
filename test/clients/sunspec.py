"""Reads a SunSpec meter with pysunspec2 and pymodbus: sunspec.py PORT UNIT, one JSON object."""

import json
import sys

import sunspec2.modbus.client as client
from pymodbus.client import ModbusTcpClient

port, unit = int(sys.argv[1]), int(sys.argv[2])
device = client.SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr="127.0.0.1", ipport=port)
device.scan()
models = [key for key in device.models if isinstance(key, int)]
meter = device.models[max(models)][0]
common = device.common[0]
names = ["A", "PhV", "PhVphA", "Hz", "W", "WphA", "TotWhImp", "TotWhExp"]
answer = {
    "models": models,
    "manufacturer": common.Mn.value,
    "serial": common.SN.value,
    "meter": {name: getattr(meter, name).cvalue for name in names},
}
device.close()
modbus = ModbusTcpClient("127.0.0.1", port=port)
modbus.connect()
answer["marker"] = modbus.read_holding_registers(40000, count=2, device_id=unit).registers
answer["write"] = modbus.write_register(40088, 1, device_id=unit).exception_code
modbus.close()
print(json.dumps(answer).replace("NaN", "null"), flush=True)
