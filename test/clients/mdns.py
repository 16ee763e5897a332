"""Waits with zeroconf for one service of each type: mdns.py NAME-PREFIX TYPE…, one JSON object each, in the order of the types;
then prints "removed" once all of them are withdrawn."""

import json
import queue
import sys

from zeroconf import ServiceBrowser, ServiceListener, Zeroconf


class Watch(ServiceListener):
    def __init__(self) -> None:
        self.added: queue.Queue = queue.Queue()
        self.removed: queue.Queue = queue.Queue()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.added.put(name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        pass

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.removed.put(name)


prefix, types = sys.argv[1], sys.argv[2:]
zeroconf = Zeroconf()
watches = {type_: Watch() for type_ in types}
for type_, watch in watches.items():
    ServiceBrowser(zeroconf, type_, watch)


def mine(names: queue.Queue) -> str:
    """The next name with the prefix; ignores others on this network."""
    while not (name := names.get(timeout=25)).startswith(prefix):
        pass
    return name


for type_, watch in watches.items():
    name = mine(watch.added)
    info = zeroconf.get_service_info(type_, name, 5000)
    properties = {key.decode(): value.decode() for key, value in info.properties.items() if value is not None}
    print(json.dumps({"name": name, "port": info.port, "txt": properties}), flush=True)
for watch in watches.values():
    mine(watch.removed)
print(json.dumps("removed"), flush=True)
zeroconf.close()
