"""Waits with zeroconf for a service of a type: mdns.py _hwenergy._tcp.local., one JSON object."""

import json
import queue
import sys

from zeroconf import ServiceBrowser, ServiceListener, Zeroconf


class Found(ServiceListener):
    def __init__(self) -> None:
        self.names: queue.Queue = queue.Queue()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.names.put(name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        pass

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        pass


found = Found()
zeroconf = Zeroconf()
ServiceBrowser(zeroconf, sys.argv[1], found)
name = found.names.get(timeout=25)
info = zeroconf.get_service_info(sys.argv[1], name, 5000)
properties = {key.decode(): value.decode() for key, value in info.properties.items() if value is not None}
print(json.dumps({"name": name, "port": info.port, "txt": properties}), flush=True)
zeroconf.close()
