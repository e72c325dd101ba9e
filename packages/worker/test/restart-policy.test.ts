import { expect, test } from "vitest";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { RestartPolicy } from "../src/supervisor/restart-policy.ts";

const settings = { pause: 1_000, giveUpAfter: 3 };
const crash = { code: 1, readyFor: 50 };

test("pauses grow, and a crash loop is given up", () => {
  const policy = new RestartPolicy(settings);
  expect(policy.ended(crash)).toEqual({ type: "restart", pause: 1_000 });
  expect(policy.ended(crash)).toEqual({ type: "restart", pause: 2_000 });
  expect(policy.ended(crash)).toMatchObject({ type: "give-up", why: expect.stringContaining("3 times") });
});

test("a process that was ready for a minute has recovered", () => {
  const policy = new RestartPolicy(settings);
  for (let count = 0; count < 10; count++) {
    expect(policy.ended({ code: 1, readyFor: 60_000 })).toEqual({ type: "restart", pause: 1_000 });
  }
});

test("a config that can't be used is given up at the first start only: a later one may be mended", () => {
  const refused = { code: EXIT_CODES.CONFIG, readyFor: 0 };
  expect(new RestartPolicy(settings).ended(refused)).toMatchObject({ type: "give-up" });
  const policy = new RestartPolicy(settings);
  policy.ended(crash);
  const pauses = Array.from({ length: 8 }, () => policy.ended(refused));
  expect(pauses.at(-1)).toEqual({ type: "restart", pause: 30_000 });
});

test("a process that asks for it is started at once, unless it asks again and again", () => {
  const policy = new RestartPolicy(settings);
  const asks = (readyFor: number) => policy.ended({ code: EXIT_CODES.RESTART, readyFor });
  expect(asks(10_000)).toEqual({ type: "restart", pause: 0 });
  expect(asks(500)).toEqual({ type: "restart", pause: 1_000 });
  asks(500);
  expect(asks(500)).toMatchObject({ type: "give-up" });
});
