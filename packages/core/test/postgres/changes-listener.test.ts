import { startProxy, type TcpProxy } from "@org/test-servers";
import pg from "pg";
import postgres from "postgres";
import { describe, expect, test } from "vitest";
import type { ChangeListener } from "../../src/postgres/changes/listener.ts";
import { pgListener } from "../../src/postgres/changes/pg-listener.ts";
import { pgliteListener } from "../../src/postgres/changes/pglite-listener.ts";
import { postgresJsListener } from "../../src/postgres/changes/postgres-js-listener.ts";
import type { ListenerOptions } from "../../src/postgres/changes/reconnecting-listener.ts";
import { follow, NEVER, openWithScans } from "./changes-support.ts";
import { newPglite } from "./new-pglite.ts";
import { cleanups, createDatabase, drivers, type TestDatabase, type TestDriver } from "./support.ts";

describe.each(drivers)("$name", ({ open }) => {
  test("receives notifications on its channels until it stops listening", async () => {
    const { listener, raw } = await open();
    const a = hear();
    const b = hear();
    const stop = await listener.listen("a", a.onMessage, a.onGap);
    await listener.listen("b", b.onMessage, b.onGap);
    await raw("select pg_notify('a', 'one'), pg_notify('b', 'two')");
    await Promise.all([a.first("one"), b.first("two")]);
    await stop();
    await stop();
    await raw("select pg_notify('a', 'three'), pg_notify('b', 'four')");
    await b.first("four");
    expect([a.heard, b.heard]).toEqual([["one"], ["two", "four"]]);
    expect([a.gaps, b.gaps]).toEqual([0, 0]);
  });

  test("notifies every listener of a channel", async () => {
    const { listener, raw } = await open();
    const [first, second] = [hear(), hear()];
    const stops = await Promise.all(
      [first, second].map((ear) => listener.listen("a", ear.onMessage, ear.onGap)),
    );
    await raw("notify a, 'one'");
    await Promise.all([first.first("one"), second.first("one")]);
    await stops[0]!();
    await raw("notify a, 'two'");
    await second.first("two");
    const late = hear();
    await listener.listen("a", late.onMessage, late.onGap);
    await raw("notify a, 'three'");
    await Promise.all([second.first("three"), late.first("three")]);
    expect([first.heard, second.heard, late.heard]).toEqual([["one"], ["one", "two", "three"], ["three"]]);
  });

  test("rejects calls once it is closed", async () => {
    const { listener } = await open();
    await listener.listen(
      "a",
      () => {},
      () => {},
    );
    await listener.close();
    await listener.close();
    await expect(
      listener.listen(
        "a",
        () => {},
        () => {},
      ),
    ).rejects.toMatchObject({ code: "CLOSED" });
  });
});

interface ServerListener {
  readonly name: TestDriver["name"];
  create(url: string, options?: ListenerOptions): ChangeListener;
}

const listeners: readonly ServerListener[] = [
  {
    name: "node-postgres",
    create: (url, options) => pgListener({ ...options, connect: () => new pg.Client(url) }),
  },
  {
    name: "postgres.js",
    create: (url, options) =>
      postgresJsListener({ ...options, connect: () => postgres(url, { max: 1, onnotice: () => {} }) }),
  },
];

describe.each(listeners)("$name", ({ name, create }) => {
  const { open } = drivers.find((driver) => driver.name === name)!;

  function listenerOf(url: string, options?: ListenerOptions): ChangeListener {
    const listener = create(url, options);
    cleanups.push(() => listener.close());
    return listener;
  }

  async function proxied({ url }: TestDatabase, options?: ListenerOptions) {
    const proxy = await startProxy({ target: url! });
    cleanups.push(() => proxy.stop());
    return { proxy, listener: listenerOf(proxy.url, options) };
  }

  test("misses nothing when its connections are killed while rows change", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const told = await follow({ db, listener, pollInterval: NEVER });
    const killListener = () =>
      raw(`select pg_terminate_backend(pid) as killed from pg_stat_activity
           where datname = current_database() and query ilike 'listen%'`);
    for (let count = 1; count <= 30; count++) {
      await raw(`insert into scans (guild_id, position) values ('a', ${count})`);
      if (count % 10 === 0) {
        // The previous connection may not be replaced yet.
        await expect.poll(killListener, { timeout: 15_000, interval: 5 }).toEqual([{ killed: true }]);
      }
    }
    await Promise.all(
      Array.from({ length: 30 }, (_, at) => told.first(({ key }) => key.position === BigInt(at + 1))),
    );
    expect(told.changes).toHaveLength(30);
  });

  test("notices a half-open connection", async () => {
    const database = await openWithScans(open);
    const { proxy, listener } = await proxied(database, { checkInterval: 50, answerTimeout: 500 });
    const told = await follow({ db: database.db, listener, pollInterval: NEVER });
    proxy.abandon();
    await database.raw("insert into scans (guild_id, position) values ('a', 1)");
    await told.first(({ key }) => key.guildId === "a");
    await database.raw("insert into scans (guild_id, position) values ('b', 1)");
    await told.first(({ key }) => key.guildId === "b");
  });

  test("misses nothing while the server is away", async () => {
    const database = await openWithScans(open);
    const { proxy, listener } = await proxied(database, { checkInterval: 50, answerTimeout: 300 });
    const told = await follow({ db: database.db, listener, pollInterval: NEVER });
    proxy.use("refuse");
    await database.raw("insert into scans (guild_id, position) values ('a', 1)");
    proxy.use("pass");
    await told.first(({ key }) => key.guildId === "a");
    await database.raw("insert into scans (guild_id, position) values ('b', 1)");
    await told.first(({ key }) => key.guildId === "b");
  });

  test.each<[string, (proxy: TcpProxy) => void]>([
    ["refuses", (proxy) => proxy.use("refuse")],
    ["is silent", (proxy) => proxy.use("stall")],
  ])("becomes active on its own when the server %s at first", async (_, breakIt) => {
    const database = await open();
    const { proxy, listener } = await proxied(database, { checkInterval: 50, answerTimeout: 300 });
    breakIt(proxy);
    const ear = hear();
    await listener.listen("a", ear.onMessage, ear.onGap);
    expect(ear.gaps).toBe(0);
    proxy.abandon();
    proxy.use("pass");
    await ear.gap();
    await database.raw("notify a, 'one'");
    await ear.first("one");
  });

  test("closes while the server doesn't answer", async () => {
    const database = await open();
    const { proxy, listener } = await proxied(database, {
      checkInterval: 3_600_000,
      answerTimeout: 3_600_000,
    });
    await listener.listen(
      "a",
      () => {},
      () => {},
    );
    proxy.use("stall");
    await listener.close();
    const silent = listenerOf(proxy.url, { answerTimeout: 3_600_000 });
    const listening = silent.listen(
      "a",
      () => {},
      () => {},
    );
    listening.catch(() => {});
    await silent.close();
    await expect(listening).rejects.toMatchObject({ code: "CLOSED" });
  });

  test.each([
    ["password", (url: URL) => (url.password = "wrong"), /Check the user and the password/],
    ["database", (url: URL) => (url.pathname = "/nowhere"), /Create the database/],
  ])("rejects a wrong %s", async (_, change, says) => {
    const url = new URL(await createDatabase());
    change(url);
    const listening = listenerOf(url.href).listen(
      "a",
      () => {},
      () => {},
    );
    await expect(listening).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(says),
    });
  });

  test("throws errors of the app's `connect`, and calls it again next time", async () => {
    const url = await createDatabase();
    let isReady = false;
    const connect = () => {
      if (!isReady) throw new TypeError("no URL");
      return name === "postgres.js" ? postgres(url, { max: 1 }) : new pg.Client(url);
    };
    const listener = (name === "postgres.js" ? postgresJsListener : pgListener)({ connect } as never);
    cleanups.push(() => listener.close());
    const listen = () =>
      listener.listen(
        "a",
        () => {},
        () => {},
      );
    await expect(listen()).rejects.toThrow(new TypeError("no URL"));
    isReady = true;
    await listen();
  });

  test("rejects unknown options", () => {
    expect(() => create("", { checkEvery: 1 } as ListenerOptions)).toThrow(/unknown option "checkEvery"/);
  });
});

test("the postgres.js listener doesn't query the types, because a failure ends the process", async () => {
  const proxy = await startProxy({ target: await createDatabase() });
  cleanups.push(() => proxy.stop());
  const listener = postgresJsListener({
    connect: () => postgres(proxy.url, { max: 1, onnotice: () => {} }),
    checkInterval: 50,
    answerTimeout: 300,
  });
  cleanups.push(() => listener.close());
  // postgres.js doesn't handle a failure of this query, and a check without a reply ends its client.
  let asked = false;
  void proxy.intercept({ containing: "typarray", fault: "hold-reply" }).then(() => (asked = true));
  const checked = proxy.intercept({ containing: "pg_notify", fault: "drop-request" });
  await listener.listen(
    "a",
    () => {},
    () => {},
  );
  await checked;
  expect(asked).toBe(false);
});

test("the PGlite listener reports that it was closed", async () => {
  const client = await newPglite();
  await client.close();
  const listening = pgliteListener(client).listen(
    "a",
    () => {},
    () => {},
  );
  await expect(listening).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
});

/** Records notifications, and waits for them. */
function hear() {
  const heard: string[] = [];
  const waiting = new Set<() => void>();
  const ear = {
    heard,
    gaps: 0,
    onMessage: (payload: string) => {
      heard.push(payload);
      for (const look of waiting) look();
    },
    onGap: () => {
      ear.gaps++;
      for (const look of waiting) look();
    },
    first: (payload: string) => when(() => heard.includes(payload)),
    gap: () => when(() => ear.gaps > 0),
  };
  const when = (isSo: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (isSo()) resolve();
      };
      waiting.add(look);
      look();
    });
  return ear;
}
