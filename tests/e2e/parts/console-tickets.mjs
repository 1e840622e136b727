// The board of tickets, by keys and by buttons, and the notices about what is late.

import { check } from "../lib/checks.mjs";
import {
  assert,
  confirms,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  picture,
  press,
  says,
  settled,
  stands,
} from "../lib/desk.mjs";
import { reach } from "./console-care.mjs";

const COMMUNITY = "330482401001";

const REFUSAL = {
  status: 503,
  contentType: "application/problem+json",
  body: JSON.stringify({
    code: "database_unavailable",
    status: 503,
    detail: "系统正忙，请稍后再试。",
    trace_id: "t",
  }),
};

/** Gives the page, signed in. */
export async function tickets(boss, { neighbours: [anna] }) {
  const page = await boss.window();
  const column = (name) => page.getByRole("region", { name: new RegExp(`^${name}`) });
  const cards = (name) => column(name).getByRole("listitem");
  await check(
    "console: a ticket goes over the board by keys alone, and none is moved by mistake",
    async () => {
      await boss.signsIn(page);
      await goes(page, "/tickets");
      await cards("已上报").nth(2).waitFor();
      await stands(page, "tickets-desk");
      const place = await column("已上报").getByRole("link").first().textContent();
      await reach(page, place);
      await page.keyboard.press("Alt+ArrowRight");
      await says(page, "确认这是什么问题");
      await page.keyboard.press("Escape");
      await gone(dialog(page));
      assert.equal(await cards("已研判").count(), 0, "nothing moved");
      await page.keyboard.press("Alt+ArrowRight");
      await says(page, "确认这是什么问题");
      // Keys reach every field, and a step that fails keeps what was typed.
      const keys = [];
      await page.route("**/steps", (route) => {
        keys.push(route.request().headers()["idempotency-key"]);
        return keys.length === 1 ? route.fulfill(REFUSAL) : route.continue();
      });
      await reach(page, "note");
      await page.keyboard.type("现场看过，踏板确实松动。");
      await reach(page, "研判");
      await page.keyboard.press("Enter");
      await says(page, "系统正忙，请稍后再试。 您填写的内容还在");
      await picture(page, "ticket-retry-desk");
      await page.keyboard.press("Enter");
      await gone(dialog(page));
      await cards("已研判").first().waitFor();
      assert.equal(keys.length, 2);
      assert.equal(new Set(keys).size, 1, "every attempt is the same step");
      await page.unroute("**/steps");
    },
  );
  await check(
    "console: a ticket is assigned, fixed and confirmed, and the board tells of its deadline",
    async () => {
      await column("已研判").getByRole("button", { name: "派单" }).click();
      await fills(page, { 负责人或单位: "社区维修队" });
      await confirms(page, "派单");
      await column("已派单").getByText(/^限 /).waitFor();
      await column("已派单").getByRole("link").click();
      await says(page, "社区维修队");
      await says(page, "现场看过，踏板确实松动。");
      await press(page, "修复完成");
      await confirms(page, "修复完成");
      await page.getByText("已修复", { exact: true }).first().waitFor();
      await says(page, "等上报的居民确认是否修好");
      await press(page, "退回重修");
      await says(page, "退回给原负责人重修");
      await confirms(page, "取消");
      await gone(dialog(page));
      const id = page.url().split("/").pop();
      await anna.post(`/me/reports/${id}/confirmation`, { fixed: true });
      await stands(page, "ticket-desk");
      await goes(page, "/tickets");
      await cards("已确认").first().waitFor();
      await column("已上报").getByRole("link").first().click();
      await settled(page);
      await hesitates(page, "不予处理", "工单结束，不能恢复");
      await fills(page, { 理由: "与另一张工单重复" });
      await confirms(page, "不予处理");
      await gone(dialog(page));
      await page.getByText("不处理", { exact: true }).first().waitFor();
      await noticesAreRead(page);
    },
  );
  return page;
}

/** Notices come when deadlines pass; here the list has one of each kind. */
async function noticesAreRead(page) {
  const kinds = ["warning", "supervision", "progress"].map((kind, n) => ({
    id: `00000000-0000-7000-8000-00000000000${n}`,
    ticket_id: `00000000-0000-7000-8000-00000000000${n}`,
    kind,
    title: ["预警单", "督办单", "进度单"][n],
    division: COMMUNITY,
    state: "assigned",
    at: "2026-11-01T00:00:00Z",
  }));
  await page.route("**/ticket-notices?*", (route) =>
    route.fulfill({ json: { items: kinds, next_cursor: null } }),
  );
  await goes(page, "/tickets");
  await page.getByRole("tab", { name: "通知单" }).click();
  await says(page, "督办单");
  await stands(page, "notices-desk");
  await press(page, "已阅");
  await says(page, "标为已阅后不再列出");
  await confirms(page, "取消");
  await gone(dialog(page));
  await page.unroute("**/ticket-notices?*");
}
