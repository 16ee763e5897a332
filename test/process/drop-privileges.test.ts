import { describe, expect, it } from "vitest";
import { dropPrivileges, type System } from "../../src/process/drop-privileges.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/bash\nnode:x:1000:1001::/home/node:/bin/bash\n";
const GROUP = "root:x:0:\ntty:x:5:\ndialout:x:20:\nnode:x:1001:\n";

/** A fake system that records its calls. */
function system(change: Partial<System> = {}): { system: System; calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    system: {
      env: { RUN_AS: "node" },
      getuid: () => 0,
      setgroups: (groups) => calls.push(`groups ${groups}`),
      setgid: (group) => calls.push(`group ${group}`),
      setuid: (user) => calls.push(`user ${user}`),
      readFile: (path) => (path === "/etc/passwd" ? PASSWD : GROUP),
      deviceGroups: () => [18, 20, 0, 5],
      ...change,
    },
  };
}

describe("privilege drop", () => {
  it("gives up root last and keeps the groups of serial devices, but not those of root and terminals", () => {
    const { system: root, calls } = system();
    expect(dropPrivileges(root)).toBeNull();
    expect(calls).toEqual(["groups 1001,20,18", "group 1001", "user 1000"]);
  });

  it.each([
    ["the app, whose files belong to root", { env: { RUN_AS: "node", SUPERVISOR_TOKEN: "token" } }],
    ["a user other than root", { getuid: () => 1000 }],
    ["a system without RUN_AS (no container)", { env: {} }],
  ])("changes nothing for %s", (_, change) => {
    const { system: other, calls } = system(change);
    expect(dropPrivileges(other)).toBeNull();
    expect(calls).toEqual([]);
  });

  it("reports a missing permission and continues", () => {
    const { system: bound } = system({
      setgroups: () => {
        throw new Error("EPERM: operation not permitted, setgroups");
      },
    });
    expect(dropPrivileges(bound)).toMatch(/Running as root.*EPERM.*user: node/);
  });

  it("reports a user that does not exist", () => {
    const { system: strange, calls } = system({ env: { RUN_AS: "nobody" } });
    expect(dropPrivileges(strange)).toContain("there is no nobody");
    expect(calls).toEqual([]);
  });
});
