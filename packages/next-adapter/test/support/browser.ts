import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    args: ARGUMENTS,
  });
}

/** A browser of its own with a user who is signed in. */
export async function signIn(
  browser: Browser,
  url: string,
  user: string,
  options: Parameters<Browser["newContext"]>[0] = {},
) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  await context.addCookies([{ name: "user", value: user, url }]);
  return context;
}

/** Opens a page whose visibility the test decides: pages of a headless browser are always visible. */
export async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.addInitScript(() => {
    let state = "visible";
    Object.defineProperty(document, "visibilityState", { get: () => state });
    Object.assign(globalThis, {
      setVisibility(next: string) {
        state = next;
        document.dispatchEvent(new Event("visibilitychange"));
      },
    });
  });
  await page.goto(url);
  return page;
}

export async function setVisibility(page: Page, state: "visible" | "hidden"): Promise<void> {
  await page.evaluate(
    (next) => (globalThis as unknown as { setVisibility(state: string): void }).setVisibility(next),
    state,
  );
}
