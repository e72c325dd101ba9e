import { startRedis, type TestServer } from "@org/test-servers";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchBrowser, openPage, setVisibility, signIn } from "../support/browser.ts";
import { buildFixtureApp, type FixtureApp, startFixtureApp } from "../support/fixture-app.ts";

let browser: Browser;
let redis: TestServer;
beforeAll(async () => {
  buildFixtureApp();
  [browser, redis] = await Promise.all([launchBrowser(), startRedis()]);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await redis?.stop();
});

const connection = (page: Page) => page.getByTestId("connection");
const rows = (page: Page) => page.locator("li");

async function untilText(page: Page, testId: string, text: string | RegExp): Promise<void> {
  await page.getByTestId(testId).filter({ hasText: text }).waitFor();
}

describe.each(["redis", "embedded"] as const)("the hooks on the %s engine", (engine) => {
  let app: FixtureApp;
  beforeAll(async () => {
    app = await startFixtureApp(engine === "redis" ? { redisUrl: redis.url } : {});
  }, 60_000);
  afterAll(() => app?.stop());

  it("show a send at once, and how it ends", async () => {
    const context = await signIn(browser, app.url, `${engine}-send`);
    const page = await openPage(context, app.url);
    await untilText(page, "connection", "live");
    await page.getByRole("button", { name: "Wait" }).click();
    expect(await rows(page).count()).toBe(1);
    await untilText(page, "latest", "active");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await untilText(page, "latest", "completed 5");
    expect(await rows(page).allTextContents()).toEqual(["completed", "active"]);
    await context.close();
  });

  it("take a refused send back, and say why", async () => {
    const context = await signIn(browser, app.url, `${engine}-refused`);
    const page = await openPage(context, app.url);
    await untilText(page, "connection", "live");
    await page.getByLabel("Text").fill("");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: "Some of the data is invalid." }).waitFor();
    expect(await rows(page).count()).toBe(0);
    await context.close();
  });

  it("show only a public sentence of what a handler threw", async () => {
    const context = await signIn(browser, app.url, `${engine}-fail`);
    const page = await openPage(context, app.url);
    await untilText(page, "connection", "live");
    await page.getByRole("button", { name: "Fail" }).click();
    await untilText(page, "latest", "failed");
    expect(await page.content()).not.toContain("10.0.0.1");
    await context.close();
  });

  it("send what is sent in one tick in one call", async () => {
    const context = await signIn(browser, app.url, `${engine}-fifty`);
    const page = await openPage(context, app.url);
    await untilText(page, "connection", "live");
    const calls: string[] = [];
    page.on("request", (request) => {
      if (request.url().endsWith("/jobs")) calls.push(request.postData() ?? "");
    });
    await page.getByRole("button", { name: "Save fifty" }).click();
    await rows(page).nth(19).filter({ hasText: "completed" }).waitFor();
    expect(calls.map((body) => JSON.parse(body).jobs.length)).toEqual([50]);
    await context.close();
  });

  it("work in a form without JavaScript", async () => {
    const context = await signIn(browser, app.url, `${engine}-form`, { javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${app.url}/form`);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").filter({ hasText: "text" }).waitFor();
    await page.getByLabel("Text").fill("hello");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").filter({ hasText: "Saved as" }).waitFor();
    await context.close();
  });

  it("share one stream among tabs, and agree within a second", async () => {
    const context = await signIn(browser, app.url, `${engine}-tabs`);
    const [first, second] = [await openPage(context, app.url), await openPage(context, app.url)];
    for (const page of [first, second]) await untilText(page, "connection", "live");
    await first.getByRole("button", { name: "Save", exact: true }).click();
    await untilText(first, "latest", "completed");
    await rows(second).first().filter({ hasText: "completed" }).waitFor({ timeout: 1_000 });
    // The one of before may take a moment to close.
    await expect.poll(() => app.streams()).toBe(1);

    await first.close();
    await second.getByRole("button", { name: "Wait" }).click();
    await untilText(second, "latest", "active");
    await expect.poll(() => app.streams()).toBe(1);
    await context.close();
    await expect.poll(() => app.streams(), { timeout: 10_000 }).toBe(0);
  });

  it("poll where the stream is held back, and come back to it", async () => {
    const context = await signIn(browser, app.url, `${engine}-blocked`);
    const page = await context.newPage();
    await page.route("**/api/queue/stream", (route) => route.abort());
    await page.goto(app.url);
    await page.getByTestId("connection").filter({ hasText: "polling" }).waitFor({ timeout: 5_000 });
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await untilText(page, "latest", "completed");
    await page.unroute("**/api/queue/stream");
    await untilText(page, "connection", "live");
    await context.close();
  });

  it("show the newest state at once when a hidden tab is shown", async () => {
    const context = await signIn(browser, app.url, `${engine}-hidden`);
    const page = await openPage(context, app.url);
    await untilText(page, "connection", "live");
    await setVisibility(page, "hidden");
    await untilText(page, "connection", "paused");
    const other = await context.request.post(`${app.url}/api/queue/jobs`, {
      headers: { "sec-fetch-site": "same-origin" },
      data: {
        jobs: Array.from({ length: 50 }, (_, index) => ({ messageType: "SAVE", data: { text: `${index}` } })),
      },
    });
    expect(other.status()).toBe(207);
    expect(await rows(page).count()).toBe(0);
    await setVisibility(page, "visible");
    await rows(page).nth(19).filter({ hasText: "completed" }).waitFor({ timeout: 2_000 });
    await context.close();
  });

  it("are taken over by another tab when the tab with the stream is frozen", async () => {
    const context = await signIn(browser, app.url, `${engine}-frozen`);
    const first = await openPage(context, app.url);
    await untilText(first, "connection", "live");
    const second = await openPage(context, app.url);
    await untilText(second, "connection", "live");
    const devtools = await context.newCDPSession(first);
    await devtools.send("Debugger.enable");
    await devtools.send("Debugger.pause");
    void first.evaluate(() => undefined).catch(() => undefined);
    await second.getByRole("button", { name: "Save", exact: true }).click();
    await untilText(second, "latest", "completed");
    await context.close();
  });

  it("show nothing of one user to the next", async () => {
    const context = await signIn(browser, app.url, `${engine}-first`);
    const page = await openPage(context, app.url);
    await untilText(page, "connection", "live");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await untilText(page, "latest", "completed");
    await context.addCookies([{ name: "user", value: `${engine}-next`, url: app.url }]);
    // The next connection asks again who it is.
    await setVisibility(page, "hidden");
    await setVisibility(page, "visible");
    await expect.poll(() => rows(page).count()).toBe(0);
    await context.close();
  });

  it("say that nobody is signed in, and ask no more", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(app.url);
    await untilText(page, "connection", "refused");
    await page.getByRole("alert").filter({ hasText: "Sign in" }).waitFor();
    await context.close();
  });
});

it("go on without a reload when the server is restarted", async () => {
  let app = await startFixtureApp({ redisUrl: redis.url });
  const context = await signIn(browser, app.url, "restart");
  const page = await openPage(context, app.url);
  await untilText(page, "connection", "live");
  await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
  await app.stop();
  await page.getByTestId("connection").filter({ hasNotText: "live" }).waitFor();
  app = await startFixtureApp({ redisUrl: redis.url, port: app.port });
  await untilText(page, "connection", "live");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await untilText(page, "latest", "completed");
  expect(await page.evaluate(() => Reflect.get(globalThis, "isSamePage"))).toBe(true);
  await context.close();
  await app.stop();
});

it("renew their stream without a gap", async () => {
  const app = await startFixtureApp({ lifetime: "5s" });
  const context = await signIn(browser, app.url, "renew");
  const page = await openPage(context, app.url);
  let streams = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/stream")) streams++;
  });
  await untilText(page, "connection", "live");
  await expect.poll(() => streams, { timeout: 15_000 }).toBeGreaterThan(1);
  expect(await connection(page).textContent()).toBe("live");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await untilText(page, "latest", "completed");
  await context.close();
  await app.stop();
});
