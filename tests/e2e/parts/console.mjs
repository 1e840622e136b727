// The staff console, role by role and at both sizes: each story begins at the sign-in and ends at what
// can be seen.

import { check, note } from "../lib/checks.mjs";
import {
  assert,
  confirms,
  Desk,
  dialog,
  EVERY_SIZE,
  gone,
  goes,
  picks,
  picture,
  press,
  row,
  says,
  settled,
  story,
  untold,
} from "../lib/desk.mjs";
import { identity } from "../lib/office.mjs";
import { trials, webhooks } from "./console-background.mjs";
import * as care from "./console-care.mjs";
import * as office from "./console-office.mjs";

const COMMUNITY = "330482401001";
const DISTRICT = "330482";

export async function console_(town) {
  for (const size of EVERY_SIZE) await atSize(town, size);
  await everyRole(town);
}

async function atSize(town, size) {
  const hired = [
    ["venue", COMMUNITY],
    ["community", COMMUNITY],
    ["district", DISTRICT],
    ["city", "3304"],
    ["bureau", DISTRICT],
    ["admin", "33"],
  ].map(([role, division]) => Desk.hired(town, role, division, size));
  const [venue, boss, district, city, bureau, admin] = await Promise.all(hired);
  await desk(venue);
  await community(boss);
  await office.district(district, boss);
  await looker(bureau);
  await office.admin(admin, COMMUNITY);
  await office.file(admin, COMMUNITY);
  await webhooks(city, admin);
  await trials(boss);
  await care.session(boss);
  await care.looks(district);
  await care.keyboard(venue);
  await care.failures(boss);
  await care.long(boss);
}

/** The server's own list of roles, so that a new one is missed here. */
async function everyRole(town) {
  await check("console: every role has a story at a desk and on a phone", async () => {
    const answer = await fetch(`${town.server.url}/api/v1/openapi.json`);
    const { components } = await answer.json();
    const roles = components.schemas.Role.enum;
    assert.ok(roles.includes("admin") && roles.length >= 7, String(roles));
    const missing = untold(roles);
    for (const role of roles) {
      const sizes = EVERY_SIZE.filter((size) => !missing.includes(`${role} ${size}`));
      note(role, sizes.join(", ") || "no story");
    }
    assert.deepEqual(missing, []);
  });
}

async function desk(venue) {
  await story(venue, "signs somebody in whose number is checked, and verifies them", async () => {
    const page = await venue.window();
    await page.goto(`${venue.town.server.url}/staff`);
    await page.getByLabel("用户名").waitFor();
    await picture(page, `sign-in-${venue.size}`);
    await venue.signsIn(page);
    await picture(page, `overview-venue-${venue.size}`);
    await goes(page, "/members/new");
    const number = identity(venue.own.numbers + 1);
    const wrong = number.slice(0, 17) + (number[17] === "1" ? "2" : "1");
    await page.getByLabel("证件号码").fill(number.slice(0, 10));
    await says(page, "还差 8 位");
    await page.getByLabel("证件号码").fill(wrong);
    await says(page, "校验位不对");
    await page.getByLabel("证件号码").fill(number);
    await says(page, "✓ 号码有效");
    await page.getByLabel("姓名").fill("欧阳小满");
    await page.getByLabel("手机号").fill(`1390000${venue.own.numbers + 1}`);
    await page.getByLabel("同意：人脸用于门禁").check();
    await picture(page, `register-${venue.size}`);
    await press(page, "登记");
    await page.getByRole("heading", { name: "居民资料" }).waitFor();
    await says(page, "欧");
    assert.ok(!(await page.content()).includes("欧阳小满"), "the name is masked");
    if (await page.getByRole("button", { name: "前台核验", exact: true }).count()) {
      await press(page, "前台核验");
      await confirms(page, "证件与本人一致");
      await gone(dialog(page));
    }
    await says(page, "前台核验");
    await goes(page, "/members");
    await page.getByLabel("查找方式").selectOption("resident_id");
    await page.getByLabel("内容").fill(number);
    await press(page, "查找");
    await says(page, "共 1 行");
    await picture(page, `members-found-${venue.size}`);
    await page.context().close();
  });
}

async function community(boss) {
  let page;
  await story(boss, "a community corrects a stay of somebody who was there", async () => {
    page = await boss.window();
    await boss.signsIn(page);
    await picture(page, `overview-community-${boss.size}`);
    const menu = await boss.menu(page);
    await picture(page, `menu-${boss.size}`);
    await menu.getByRole("link", { name: "居民", exact: true }).click();
    await settled(page);
    await picture(page, `members-${boss.size}`);
    // Somebody who has been there: the month of history knows many.
    boss.member = `/members/${await visitor(page, boss.town)}`;
    await goes(page, boss.member);
    await picture(page, `member-${boss.size}`);
    await corrects(page, boss.size);
  });
  await story(boss, "a community closes a venue for a day and looks at other rules", async () => {
    await goes(page, "/venues");
    await picks(page, boss.own.venue);
    await press(page, "某天闭馆或改时间");
    await dialog(page).getByLabel("原因").fill("设备检修");
    await confirms(page, "确认");
    await says(page, "已安排");
    await gone(dialog(page));
    await page.getByRole("tab", { name: "容量与规则" }).click();
    await press(page, "改计时规则（先预览）");
    await dialog(page).getByLabel("没刷出时按多少分钟估算").fill("45");
    await confirms(page, "预览效果");
    await says(page, "如果过去 28 天用的是这些数字");
    await picture(page, `what-if-${boss.size}`);
    await confirms(page, "取消");
    await gone(dialog(page));
  });
  await story(boss, "a community opens a door, hangs a screen and takes it down", async () => {
    await goes(page, "/terminals");
    await picks(page, boss.own.door);
    await press(page, "开门");
    await says(page, "门会立即打开");
    await confirms(page, "开门");
    await gone(dialog(page));
    await page.getByRole("region", { name: "命令" }).getByText("开门").first().waitFor();
    await picture(page, `terminal-${boss.size}`);
    await hangs(page, `二楼大厅 ${boss.size}`);
    await page.context().close();
  });
}

async function corrects(page, size) {
  await press(page, "逐条核验");
  await says(page, "账本：");
  await confirms(page, "知道了");
  await gone(dialog(page));
  await press(page, "更正");
  const left = dialog(page).getByLabel("离场时间");
  const entered = await dialog(page).getByLabel("进场时间").inputValue();
  await left.fill(later(entered, 5));
  await dialog(page).getByLabel("理由").fill("居民当场出示了储物柜记录");
  await confirms(page, "预览效果");
  await says(page, "累计时长");
  await picture(page, `correction-${size}`);
  await confirms(page, "确认更正");
  await says(page, /已提交/);
  if (await dialog(page).count()) await confirms(page, "关闭");
  await gone(dialog(page));
}

async function hangs(page, label) {
  await goes(page, "/screens");
  await press(page, "新增大屏");
  await dialog(page).getByLabel("挂在哪里").fill(label);
  await confirms(page, "新增");
  await says(page, "大屏地址");
  await confirms(page, "关闭");
  await page.frameLocator("iframe").locator("#inside").waitFor();
  const line = row(page, label);
  await line.getByRole("button", { name: "停用" }).click();
  await says(page, "不能恢复");
  await confirms(page, "停用");
  await line.getByText("已停用").waitFor();
}

/** Somebody of the community who has been somewhere and left, and whose stays nobody has corrected. */
async function visitor(page, town) {
  town.corrected ??= [];
  const found = await page.evaluate(async (but) => {
    const at = "/api/v1/staff";
    const { csrf } = await (await fetch(`${at}/sessions/current`)).json();
    const headers = { "Content-Type": "application/json", "Fitgate-Csrf": csrf };
    const asked = { method: "POST", headers, body: JSON.stringify({ limit: 200 }) };
    const { items } = await (await fetch(`${at}/members/search`, asked)).json();
    // The first of them are those whom the demo lets live, who have no past.
    for (let n = items.length; n > 0; n -= 10) {
      const known = items.slice(Math.max(0, n - 10), n).map(async ({ id }) => {
        const stays = await (await fetch(`${at}/members/${id}/sessions?limit=1`)).json();
        return stays.items?.[0]?.left_at && !but.includes(id) ? id : null;
      });
      const one = (await Promise.all(known)).find(Boolean);
      if (one) return one;
    }
    throw new Error("nobody of these has been anywhere");
  }, town.corrected);
  town.corrected.push(found);
  return found;
}

/** `minutes` after a local time of a form. */
function later(local, minutes) {
  return new Date(Date.parse(`${local}:00Z`) + minutes * 60_000).toISOString().slice(0, 16);
}

async function looker(bureau) {
  await story(
    bureau,
    "the bureau sees masked rows and figures, and may change nothing",
    async () => {
      const page = await bureau.window();
      await bureau.signsIn(page);
      const menu = await bureau.menu(page);
      await menu.getByRole("link", { name: "概览" }).waitFor();
      for (const name of ["人员与角色", "待办与审批", "推送订阅", "规则试算"])
        assert.equal(await menu.getByRole("link", { name }).count(), 0, name);
      await bureau.leavesMenu(page);
      await goes(page, "/members");
      await page.locator('[role="cell"] a[href*="#/members/"]').first().waitFor();
      assert.equal(await page.getByRole("link", { name: "前台登记" }).count(), 0);
      for (const path of [
        "/members/new",
        "/staff",
        "/audit",
        "/work",
        "/roll-call",
        "/webhooks",
        "/trials",
      ]) {
        await goes(page, path);
        await says(page, "您的角色不能查看这一页");
      }
      await picture(page, `no-right-${bureau.size}`);
      await page.context().close();
    },
  );
}
